import type { Bytes } from '../../types/primitives.ts';
import { compress, INITIAL_STATE, PADDING_WORD, swapBytes, wordAt } from './sha256-words.ts';

const MIDSTATE_SIZE_BYTES = 64;
const HEADER_BITS = 640;
const DIGEST_BITS = 256;

/** What all nonces of one header share: the state after its first 64 bytes, the words after those, the target's words. */
export class WorkJob {
  readonly midstate = new Int32Array(8);
  /** Words 16 to 18 of the header; the nonce is word 19. */
  readonly tail: readonly [number, number, number];
  /** Most significant first, unsigned. */
  readonly #target = new Uint32Array(8);
  readonly #first = new Int32Array(64);
  readonly #second = new Int32Array(64);
  readonly #digest = new Int32Array(8);

  constructor(data80: Bytes, target: bigint) {
    const schedule = new Int32Array(64);
    for (let i = 0; i < 16; i++) schedule[i] = wordAt(data80, 4 * i);
    compress(INITIAL_STATE, schedule, this.midstate);
    const tailWord = (i: number): number => wordAt(data80, MIDSTATE_SIZE_BYTES + 4 * i);
    this.tail = [tailWord(0), tailWord(1), tailWord(2)];
    for (let i = 0; i < 8; i++) this.#target[i] = Number((target >> BigInt(32 * (7 - i))) & 0xffffffffn);
    if (target >> 256n !== 0n) this.#target.fill(0xffffffff);
    this.#first.set(this.tail);
    this.#first[4] = PADDING_WORD;
    this.#first[15] = HEADER_BITS;
    this.#second[8] = PADDING_WORD;
    this.#second[15] = DIGEST_BITS;
  }

  get targetTop(): number {
    return this.#target[0] ?? 0;
  }

  /** Whether this nonce is an answer; the whole double hash. */
  isMet(nonce: number): boolean {
    const first = this.#first;
    first[3] = swapBytes(nonce);
    compress(this.midstate, first, this.#second);
    compress(INITIAL_STATE, this.#second, this.#digest);
    for (let i = 0; i < 8; i++) {
      const word = swapBytes(this.#digest[7 - i] ?? 0) >>> 0;
      const limit = this.#target[i] ?? 0;
      if (word !== limit) return word < limit;
    }
    return true;
  }
}
