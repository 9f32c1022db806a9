/**
 * One allowance for a fleet of nodes that tell each other what they admit, without a server in the middle.
 *
 * For each client a node keeps a counter of what it admitted, which only grows, and tells it when it grew (a CRDT: a grow-only counter per node
 * and life of the node; merging takes the greater). Each node has one bucket for the client, of 1/n of the capacity and the whole rate. It is
 * charged with what the node itself admits, and with what it hears that others admitted, also below zero: a debt, to be earned first.
 *
 * How much that admits: let n nodes share capacity C and rate r, and let what one admits be charged everywhere at most D later (the interval
 * between messages and the time of one on its way; more where messages are lost). Take a window of length t that ends when some node
 * i admits the last call in it.
 *   1. In the bucket of i everything charged within the window is at most C/n + r t, or it could not have admitted. That is all that i
 *      admitted in it, and all that others admitted in it more than D before its end.
 *   2. Each of the others admits at most C/n + r D in any time D, for its own calls alone obey its bucket.
 * Together: C/n + r t + (n − 1)(C/n + r D) = C + r t + (n − 1) r D. The surplus is (n − 1) r D and no more, however the calls are spread,
 * and it is not had again and again: it is a debt.
 *
 * The price is that one node admits at most C/n at once. No scheme without asking can do better: what each node may give before it hears of
 * the others adds up over the nodes.
 *
 * Where it ends: a node that starts has a whole bucket of C/n. D is believed up to `delayMax`; what a node tells after a longer silence is charged
 * as if it had been that long, so that a healed partition does not shut a client out. A client that has no place in the full table of one
 * node, but in that of another, is not followed between the two. Members of the fleet are trusted; nobody else can charge anybody
 * anything (fleet-key.ts), and a message heard a second time, or long after it was sent, does nothing.
 */
import type { Bytes, Millis } from '../../src/types/primitives.ts';
import { errorCode } from '../../src/util/errors.ts';
import type { Micros } from './algorithm.ts';
import { ClientTable } from './client-table.ts';
import { decodeCounters, encodeCounters, ENTRIES_MAX, type CounterMessage } from './counter-codec.ts';
import type { CounterExchange, CounterVerdict } from './counter-exchange.ts';
import type { FleetKey } from './fleet-key.ts';
import { CLIENTS_MAX } from './local-limiter.ts';
import type { Decision, RateLimiter } from './rate-limiter.ts';
import { Tally, TELLINGS } from './tally.ts';
import { DEBT_MAX, type TokenBucket } from './token-bucket.ts';

/** How long ago a message may have been sent by its sender's clock. A replay is no news to who was there, and too old for who was not. */
const FRESH_MS: Millis = 30_000;
/** Something is said this often even when there is nothing to say, so that the others know how many we are. */
const HEARTBEAT_MS: Millis = 5_000;
/** A node that was silent so long is forgotten. */
const SILENT_MS: Millis = 2 * FRESH_MS;
const PEERS_MAX = 256;
const DELAY_MAX_MS: Millis = 2_000;
/** Of those who are in nobody's table; no client is called so. */
const CROWD = 'crowd';

const US_PER_MS = 1000;

export type GossipLimiterOptions = {
  /** Of the whole fleet; each node's bucket is a share of it. */
  readonly rule: TokenBucket;
  /** By Client.id. */
  readonly overrides?: ReadonlyMap<string, TokenBucket>;
  /** How many share the rule. */
  readonly nodes: number;
  readonly exchangeMs: Millis;
  /** This node's name: 16 hexadecimal digits, the same after a restart. */
  readonly node: string;
  /** When it started: greater after each restart. */
  readonly incarnation: Millis;
  readonly clientsMax?: number;
};

/** `taken`, or why a message did nothing. */
export type ExchangeOutcome = 'taken' | 'malformed' | 'version' | 'forged' | 'own' | 'stale' | 'replayed' | 'crowded';

export type GossipLimiterModules = {
  readonly exchange: CounterExchange;
  readonly key: FleetKey;
  readonly now: () => Micros;
  /** Wall clock, ms since 1970. */
  readonly wallNow: () => Millis;
  /** `delayMs`: how long the message was on its way, by the two clocks; null where that is unknown. */
  readonly heard?: (outcome: ExchangeOutcome, delayMs: Millis | null) => void;
};

type Peer = { incarnation: Millis; sequence: number; heardAt: Micros };

export class GossipLimiter implements RateLimiter {
  readonly #options: GossipLimiterOptions;
  readonly #modules: GossipLimiterModules;
  /** What one node gives of the rule. */
  readonly #share: TokenBucket;
  readonly #delayMaxMs: Millis;
  readonly #table: ClientTable<Tally>;
  /** By tag; these have a place of their own always. */
  readonly #overrides = new Map<string, Tally>();
  readonly #crowd: Tally;
  readonly #pending = new Set<Tally>();
  readonly #tags = new Map<string, string>();
  readonly #peers = new Map<string, Peer>();
  /** All that this node admitted: no counter of a client is greater, so one that begins here never falls behind an older one. */
  #sum = 0;
  #sequence = 0;
  #saidAt: Micros;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: GossipLimiterOptions, modules: GossipLimiterModules) {
    const { rule, nodes, exchangeMs, overrides, clientsMax = CLIENTS_MAX } = options;
    const { exchange, key, now } = modules;
    this.#options = options;
    this.#modules = modules;
    this.#share = shareOf(rule, nodes);
    this.#delayMaxMs = Math.max(DELAY_MAX_MS, 2 * TELLINGS * exchangeMs);
    this.#saidAt = now();
    this.#table = new ClientTable(clientsMax, (tally, at) => this.#isIdle(tally, at));
    const tally = (client: string, share: TokenBucket): Tally =>
      new Tally(key.tagOf(client), share, share.fresh(now()), 0);
    for (const [client, own] of overrides ?? []) {
      const kept = tally(client, shareOf(own, nodes));
      this.#overrides.set(kept.tag, kept);
    }
    this.#crowd = tally(CROWD, this.#share);
    this.#overrides.set(this.#crowd.tag, this.#crowd);
    exchange.onMessage((message) => this.#receive(message));
  }

  /** From here on the node speaks by itself. */
  start(): void {
    this.#timer ??= setInterval(() => this.exchange(), this.#options.exchangeMs);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Clients that are remembered. */
  get size(): number {
    return this.#table.size;
  }

  /** Other nodes of the fleet that were heard of late. */
  get peers(): number {
    this.#forgetSilent(this.#modules.now());
    return this.#peers.size;
  }

  take(client: string, weight: number): Decision {
    const now = this.#modules.now();
    const tally = this.#tallyOf(this.#tagOf(client), now) ?? this.#crowd;
    const { rule } = tally;
    const state = rule.at(tally.state, now);
    const spent = rule.spend(state, weight);
    tally.state = spent ?? state;
    if (spent !== null) {
      tally.add(weight);
      this.#sum += weight;
      this.#pending.add(tally);
    }
    return rule.decision(tally.state, weight, spent !== null);
  }

  /** Tells the others what is new, and what they may have missed; when that is too much, the largest news first. */
  exchange(): void {
    const now = this.#modules.now();
    const isQuiet = now - this.#saidAt < HEARTBEAT_MS * US_PER_MS;
    if (this.#pending.size === 0 && isQuiet) return;
    this.#saidAt = now;
    let told = [...this.#pending];
    if (told.length > ENTRIES_MAX) {
      told = largest(told, ENTRIES_MAX);
      // Nothing that is only repeated may keep its place in the queue, or the queue would only grow.
      for (const tally of this.#pending) if (tally.untold === 0) tally.tell();
    }
    const { node, incarnation } = this.#options;
    const { exchange, key, wallNow } = this.#modules;
    const entries = told.map((tally) => tally.tell());
    for (const tally of this.#pending) if (!tally.isPending) this.#pending.delete(tally);
    const message = { node, incarnation, sequence: ++this.#sequence, sentAtMs: wallNow(), entries };
    exchange.publish(encodeCounters(message, key));
  }

  #receive(data: Bytes): CounterVerdict {
    const { key, heard, wallNow } = this.#modules;
    try {
      const message = decodeCounters(data, key);
      const outcome = this.#merge(message);
      heard?.(outcome, outcome === 'taken' ? wallNow() - message.sentAtMs : null);
      return outcome === 'taken' ? 'accept' : 'ignore';
    } catch (error) {
      const code = errorCode(error);
      if (code === 'LIMITS_MALFORMED') {
        heard?.('malformed', null);
        return 'reject';
      }
      heard?.(code === 'LIMITS_VERSION' ? 'version' : 'forged', null);
      return 'ignore';
    }
  }

  #merge({ node, incarnation, sequence, sentAtMs, entries }: CounterMessage): ExchangeOutcome {
    const now = this.#modules.now();
    if (node === this.#options.node) return 'own';
    if (Math.abs(this.#modules.wallNow() - sentAtMs) > FRESH_MS) return 'stale';
    const peer = this.#peers.get(node);
    if (peer === undefined) {
      this.#forgetSilent(now);
      if (this.#peers.size >= PEERS_MAX) return 'crowded';
    } else if (incarnation < peer.incarnation || (incarnation === peer.incarnation && sequence <= peer.sequence)) {
      return 'replayed';
    }
    this.#peers.set(node, { incarnation, sequence, heardAt: now });
    let isCrowded = false;
    for (const entry of entries) {
      const tally = this.#tallyOf(entry.tag, now);
      if (tally === null) isCrowded = true;
      else this.#charge(tally, tally.learn(node, incarnation, entry), now);
    }
    if (isCrowded) this.#modules.heard?.('crowded', null);
    return 'taken';
  }

  #charge(tally: Tally, news: number, now: Micros): void {
    const { rule } = tally;
    tally.heardAt = now;
    if (news === 0) return;
    // The most that an honest node admits within `delayMax`.
    const nodeMax = rule.limit + Math.ceil((rule.rate * this.#delayMaxMs) / 1000);
    const debtMax = Math.min(DEBT_MAX, Math.max(1, this.#options.nodes - 1) * nodeMax);
    tally.state = rule.charge(rule.at(tally.state, now), Math.min(news, nodeMax), debtMax);
  }

  /** null: there is no place for it. A new one begins with what the crowd has left, for it may have been one of them. */
  #tallyOf(tag: string, now: Micros): Tally | null {
    const known = this.#overrides.get(tag) ?? this.#table.get(tag);
    if (known !== undefined) return known;
    if (!this.#table.makeRoom(now)) return null;
    const tally = new Tally(tag, this.#share, this.#share.at(this.#crowd.state, now), this.#sum);
    this.#table.set(tag, tally);
    return tally;
  }

  #tagOf(client: string): string {
    const known = this.#tags.get(client);
    if (known !== undefined) return known;
    if (this.#tags.size >= (this.#options.clientsMax ?? CLIENTS_MAX)) this.#tags.clear();
    const tag = this.#modules.key.tagOf(client);
    this.#tags.set(client, tag);
    return tag;
  }

  /** Kept for a while after news: who hears a counter for the first time takes more of it for news than there is. */
  #isIdle(tally: Tally, now: Micros): boolean {
    if (tally.isPending || !tally.rule.isFresh(tally.rule.at(tally.state, now))) return false;
    return now - tally.heardAt > (TELLINGS + 1) * this.#options.exchangeMs * US_PER_MS;
  }

  #forgetSilent(now: Micros): void {
    for (const [node, { heardAt }] of this.#peers) {
      if (now - heardAt > SILENT_MS * US_PER_MS) this.#peers.delete(node);
    }
  }
}

/** Those with the most that was never told, to the power of two. */
function largest(tallies: readonly Tally[], count: number): Tally[] {
  const byBits = Array.from({ length: 33 }, (): Tally[] => []);
  for (const tally of tallies) byBits[Math.clz32(Math.min(tally.untold, 0xffff_ffff))]?.push(tally);
  return byBits.flat().slice(0, count);
}

/** Of the capacity each node has a part, of the rate the whole: what it should not have had it owes. */
function shareOf(rule: TokenBucket, nodes: number): TokenBucket {
  return rule.withCapacity(Math.floor(rule.limit / nodes));
}
