import type { CounterExchange, CounterVerdict } from '../../../../rpc/limiting/counter-exchange.ts';
import { FleetKey } from '../../../../rpc/limiting/fleet-key.ts';
import {
  GossipLimiter,
  type ExchangeOutcome,
  type GossipLimiterOptions,
} from '../../../../rpc/limiting/gossip-limiter.ts';
import { TokenBucket } from '../../../../rpc/limiting/token-bucket.ts';
import type { Bytes } from '../../../../src/types/primitives.ts';

export const SECRET = Buffer.alloc(32, 1);
const WALL_MS = 1_700_000_000_000;

export type FleetOptions = {
  readonly nodes: number;
  readonly capacity: number;
  readonly rate: number;
  readonly exchangeMs: number;
  readonly clientsMax?: number;
};

export type Member = {
  readonly limiter: GossipLimiter;
  readonly outcomes: ExchangeOutcome[];
  deliver(message: Bytes): CounterVerdict;
};

/** Limiters on a clock of the test's; what they say is given to `say`, or kept in `said`. */
export class Fleet {
  readonly time = { us: 0 };
  readonly members: Member[] = [];
  readonly said: { readonly from: number; readonly message: Bytes }[] = [];
  say: (from: number, message: Bytes) => void = (from, message) => void this.said.push({ from, message });
  readonly #options: FleetOptions;

  constructor(options: FleetOptions) {
    this.#options = options;
    for (let index = 0; index < options.nodes; index++) this.members.push(this.join(index));
  }

  join(index: number, changes: Partial<GossipLimiterOptions> & { readonly secret?: Bytes } = {}): Member {
    const { nodes, capacity, rate, exchangeMs, clientsMax } = this.#options;
    const { secret = SECRET, ...options } = changes;
    let handler: (message: Bytes) => CounterVerdict = () => 'ignore';
    const exchange: CounterExchange = {
      publish: (message) => this.say(index, message),
      onMessage: (given) => {
        handler = given;
      },
    };
    const outcomes: ExchangeOutcome[] = [];
    const limiter = new GossipLimiter(
      {
        rule: new TokenBucket(capacity, rate),
        nodes,
        exchangeMs,
        node: index.toString(16).padStart(16, '0'),
        incarnation: WALL_MS,
        ...(clientsMax === undefined ? {} : { clientsMax }),
        ...options,
      },
      {
        exchange,
        key: new FleetKey(secret, 'net'),
        now: () => this.time.us,
        wallNow: () => WALL_MS + Math.floor(this.time.us / 1000),
        heard: (outcome) => outcomes.push(outcome),
      },
    );
    return { limiter, outcomes, deliver: (message) => handler(message) };
  }

  member(index: number): Member {
    const member = this.members[index];
    if (member === undefined) throw new Error(`no member ${index}`);
    return member;
  }

  /** What was said goes to all others at once. */
  exchangeAll(): void {
    for (const { limiter } of this.members) limiter.exchange();
    for (const { from, message } of this.said.splice(0)) {
      for (const [index, member] of this.members.entries()) if (index !== from) member.deliver(message);
    }
  }
}
