import type { Lane, Op, Word } from './lane-graph.ts';
import { code } from './wasm-writer.ts';

const ops: { readonly [op in Op]: readonly number[] } = {
  add: code.add,
  xor: code.xor,
  and: code.and,
  or: code.or,
  shl: code.shl,
  shr: code.shrU,
};

const WORD_SIZE_BYTES = 4;

/**
 * Writes a graph's lanes as instructions. What is read more than once gets a local, which is used again after its last
 * reader; all else stays on the stack. Words known earlier are read from memory, each from a place of its own.
 */
export class LaneWriter {
  /** Offset of each word that never changes, by its value. */
  readonly constants = new Map<number, number>();
  /** Offset of each job word, by its index. */
  readonly jobWords = new Map<number, number>();
  readonly #code: number[] = [];
  readonly #firstLocal: number;
  #memoryEnd: number;
  #localsEnd: number;
  readonly #freeLocals: number[] = [];
  readonly #locals = new Map<Lane, number>();
  readonly #usesLeft = new Map<Lane, number>();

  /** Locals from `firstLocal` on are the writer's, the first of them holds the nonce; memory from `memoryStart` on. */
  constructor(options: { readonly nonce: Lane; readonly firstLocal: number; readonly memoryStart: number }) {
    this.#firstLocal = options.firstLocal;
    this.#localsEnd = options.firstLocal + 1;
    this.#memoryEnd = options.memoryStart;
    this.#locals.set(options.nonce, options.firstLocal);
  }

  get localsCount(): number {
    return this.#localsEnd - this.#firstLocal;
  }

  /** The instructions that leave `result` on the stack. `lanes`: all there are, inputs first. */
  write(lanes: readonly Lane[], result: Lane): readonly number[] {
    this.#countUses(lanes, result);
    for (const lane of lanes) {
      if ((this.#usesLeft.get(lane) ?? 0) < 2 || lane === result) continue;
      this.#compute(lane);
      const local = this.#freeLocals.pop() ?? this.#localsEnd++;
      this.#locals.set(lane, local);
      this.#code.push(...code.localSet(local));
    }
    this.#compute(result);
    return this.#code;
  }

  /** Only of lanes that the result needs: others are never written. */
  #countUses(lanes: readonly Lane[], result: Lane): void {
    const needed = new Set<Word>([result]);
    for (const lane of lanes.toReversed()) {
      if (!needed.has(lane)) continue;
      for (const input of lane.inputs) {
        needed.add(input);
        if (input.when === 'lane') this.#usesLeft.set(input, (this.#usesLeft.get(input) ?? 0) + 1);
      }
    }
  }

  #compute(lane: Lane): void {
    for (const input of lane.inputs) this.#read(input);
    if (lane.op === 'nonce') return;
    if (lane.op === 'shl' || lane.op === 'shr') this.#code.push(...code.i32Const(lane.shift));
    this.#code.push(...ops[lane.op]);
  }

  #read(word: Word): void {
    if (word.when !== 'lane') {
      const [places, key] = word.when === 'always' ? [this.constants, word.value] : [this.jobWords, word.index];
      let offset = places.get(key);
      if (offset === undefined) {
        offset = this.#memoryEnd;
        this.#memoryEnd += WORD_SIZE_BYTES;
        places.set(key, offset);
      }
      this.#code.push(...code.i32Const(0), ...code.loadSplat(offset));
      return;
    }
    const local = this.#locals.get(word);
    if (local === undefined) return this.#compute(word);
    this.#code.push(...code.localGet(local));
    const usesLeft = (this.#usesLeft.get(word) ?? 0) - 1;
    this.#usesLeft.set(word, usesLeft);
    if (usesLeft === 0 && word.op !== 'nonce') this.#freeLocals.push(local);
  }
}
