import { recoverTransaction, signTransaction } from '../../src/codec/transaction.ts';
import { addressOf } from '../../src/crypto/secp256k1.ts';
import type { Address, Bytes, Hash, Millis } from '../../src/types/primitives.ts';
import { errorCode } from '../../src/util/errors.ts';
import type { Rng } from '../../src/util/rng.ts';
import type { SimClock } from './clock.ts';
import type { SimNode } from './node.ts';
import type { Trace } from './trace.ts';

/** After this time without an answer a client asks another node. */
const PATIENCE_MS: Millis = 5_000;
const UNANSWERED_MAX = 6;
const GWEI = 1_000_000_000n;

/** `answered`: a node gave its hash back, so it must not be lost; `mined`: a node says that it is final. */
type Transfer = {
  readonly hash: Hash;
  readonly raw: Bytes;
  readonly nonce: number;
  state: 'new' | 'answered' | 'mined';
  askedAt: Millis | null;
};

export type ClientOptions = {
  readonly name: string;
  readonly privateKey: Bytes;
  readonly chainId: number;
  /** Who may be sent to. */
  readonly recipients: readonly Address[];
  readonly pauseMs: readonly [low: Millis, high: Millis];
};

export type ClientModules = {
  readonly clock: SimClock;
  readonly rng: Rng;
  readonly trace: Trace;
  /** Those that take transactions now. */
  readonly nodes: () => readonly SimNode[];
};

/** One account whose owner sends transfers and never gives up on one: what is not answered is sent again, elsewhere. */
export class Client {
  readonly address: Address;
  readonly #options: ClientOptions;
  readonly #modules: ClientModules;
  readonly #transfers: Transfer[] = [];
  #isSending = true;

  constructor(options: ClientOptions, modules: ClientModules) {
    this.#options = options;
    this.#modules = modules;
    this.address = addressOf(options.privateKey);
  }

  /** Those that must be on the chain in the end. */
  get promised(): readonly Hash[] {
    return this.#transfers.filter(({ state }) => state !== 'new').map(({ hash }) => hash);
  }

  get unanswered(): number {
    return this.#transfers.filter(({ state }) => state === 'new').length;
  }

  start(): void {
    const { clock, rng } = this.#modules;
    const [low, high] = this.#options.pauseMs;
    clock.after(rng.between(low, high), () => {
      if (this.#isSending && rng.chance(0.8)) this.send(rng.between(1, 2));
      this.#ask();
      this.start();
    });
  }

  /** Nothing new from now on; what is under way goes on. */
  finish(): void {
    this.#isSending = false;
  }

  /** Makes so many transfers and asks for them. */
  send(count: number): void {
    for (let i = 0; i < count && this.unanswered < UNANSWERED_MAX; i++) this.#transfers.push(this.#transfer());
    this.#ask();
  }

  /** One transfer, by way of this node. */
  sendTo(node: SimNode): Hash {
    const transfer = this.#transfer();
    this.#transfers.push(transfer);
    transfer.askedAt = this.#modules.clock.now();
    this.#askOf(node, transfer);
    return transfer.hash;
  }

  #transfer(): Transfer {
    const { rng } = this.#modules;
    const nonce = this.#transfers.length;
    const raw = signTransaction(
      {
        type: 2,
        chainId: this.#options.chainId,
        nonce,
        gasLimit: 21_000,
        maxFeePerGas: 100n * GWEI,
        maxPriorityFeePerGas: BigInt(rng.between(0, 3)) * GWEI,
        to: rng.pick(this.#options.recipients),
        value: BigInt(rng.between(0, 1_000_000)),
        data: new Uint8Array(0),
        accessList: [],
      },
      this.#options.privateKey,
    );
    return { hash: recoverTransaction(raw).hash, raw, nonce, state: 'new', askedAt: null };
  }

  #ask(): void {
    const { clock, rng, nodes } = this.#modules;
    const candidates = nodes();
    if (candidates.length === 0) return;
    for (const transfer of this.#transfers) {
      if (transfer.state !== 'new') continue;
      if (transfer.askedAt !== null && clock.now() < transfer.askedAt + PATIENCE_MS) continue;
      transfer.askedAt = clock.now();
      this.#askOf(rng.pick(candidates), transfer);
    }
  }

  #askOf(node: SimNode, transfer: Transfer): void {
    const { trace } = this.#modules;
    const { name } = this.#options;
    node.submit(transfer.raw).then(
      (hash) => {
        if (hash !== transfer.hash) trace.violated('WRONG_HASH', `${node.name} answered ${hash} for ${transfer.hash}`);
        transfer.state = 'answered';
        trace.note(name, transfer.nonce, node.name);
      },
      (error: unknown) => {
        const code = errorCode(error);
        trace.note(name, transfer.nonce, node.name, code);
        // The node has promised it before.
        if (code === 'POOL_ALREADY_KNOWN') transfer.state = 'answered';
        if (code === 'POOL_NONCE_TOO_LOW' && this.#finalNonce(node) > transfer.nonce) transfer.state = 'mined';
        if (!EXPECTED_CODES.has(code))
          trace.violated('REFUSED', `${node.name} refused ${name}'s transfer ${transfer.nonce}: ${code}`);
      },
    );
  }

  #finalNonce(node: SimNode): number {
    return node.machine?.ledger.chain.finalized.executed.state.account(this.address)?.nonce ?? 0;
  }
}

/** Refusals that a node that is behind, starting, stopping or busy may give. */
const EXPECTED_CODES: ReadonlySet<string> = new Set([
  'POOL_ALREADY_KNOWN',
  'POOL_NONCE_TOO_LOW',
  'POOL_NONCE_TOO_HIGH',
  'POOL_BUSY',
  'POOL_STOPPED',
  'NODE_NOT_READY',
]);
