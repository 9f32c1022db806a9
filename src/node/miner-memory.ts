import type { Bytes } from '../types/primitives.ts';

/** What a miner's worker is to do: try `count` nonces from `firstNonce` on. */
export type MinerOrder = {
  /** 80 bytes. */
  readonly data: Bytes;
  readonly target: bigint;
  readonly firstNonce: number;
  readonly count: number;
};

/** What it tells: null when none of the order's nonces fits. */
export type MinerFound = { readonly epoch: number; readonly nonce: number | null };

const EPOCH = 0;
const HASHES = 1;
const HAS_ORDER = 2;
const FIRST_NONCE = 3;
const COUNT_LESS_ONE = 4;
const DATA = 5;
const DATA_WORDS = 20;
const TARGET = DATA + DATA_WORDS;
const TARGET_WORDS = 8;
const SIZE_WORDS = TARGET + TARGET_WORDS;

/**
 * Memory that the node's thread writes and the worker reads, so that a new order counts at once and needs no message, which
 * a thread that is busy does not take. The epoch is odd while an order is being written: who reads one takes it only if the
 * epoch was even and the same before and after.
 */
export class MinerMemory {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(buffer = new SharedArrayBuffer(SIZE_WORDS * Int32Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
  }

  get epoch(): number {
    return Atomics.load(this.#words, EPOCH);
  }

  /** Tried so far, modulo 2^32. */
  get hashes(): number {
    return Atomics.load(this.#words, HASHES) >>> 0;
  }

  addHashes(count: number): void {
    Atomics.add(this.#words, HASHES, count | 0);
  }

  /** Replaces what was ordered before; null: nothing. Gives the order's epoch. */
  write(order: MinerOrder | null): number {
    const words = this.#words;
    Atomics.add(words, EPOCH, 1);
    Atomics.store(words, HAS_ORDER, order === null ? 0 : 1);
    if (order !== null) {
      const view = new DataView(order.data.buffer, order.data.byteOffset);
      Atomics.store(words, FIRST_NONCE, order.firstNonce);
      Atomics.store(words, COUNT_LESS_ONE, order.count - 1);
      for (let i = 0; i < DATA_WORDS; i++) Atomics.store(words, DATA + i, view.getInt32(4 * i));
      for (let i = 0; i < TARGET_WORDS; i++) {
        Atomics.store(words, TARGET + i, Number((order.target >> BigInt(32 * i)) & 0xffffffffn));
      }
    }
    const epoch = (Atomics.add(words, EPOCH, 1) + 1) | 0;
    Atomics.notify(words, EPOCH);
    return epoch;
  }

  /** null: it is being written. */
  read(): { readonly epoch: number; readonly order: MinerOrder | null } | null {
    const { epoch } = this;
    if ((epoch & 1) === 1) return null;
    const order = Atomics.load(this.#words, HAS_ORDER) === 0 ? null : this.#order();
    return this.epoch === epoch ? { epoch, order } : null;
  }

  /** Blocks the thread until the epoch is another. */
  waitWhile(epoch: number): void {
    Atomics.wait(this.#words, EPOCH, epoch);
  }

  #order(): MinerOrder {
    const words = this.#words;
    const data = new Uint8Array(DATA_WORDS * 4);
    const view = new DataView(data.buffer);
    for (let i = 0; i < DATA_WORDS; i++) view.setInt32(4 * i, Atomics.load(words, DATA + i));
    let target = 0n;
    for (let i = TARGET_WORDS - 1; i >= 0; i--) {
      target = (target << 32n) | BigInt(Atomics.load(words, TARGET + i) >>> 0);
    }
    const firstNonce = Atomics.load(words, FIRST_NONCE) >>> 0;
    return { data, target, firstNonce, count: (Atomics.load(words, COUNT_LESS_ONE) >>> 0) + 1 };
  }
}
