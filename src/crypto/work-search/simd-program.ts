import type { LaneGraph } from './lane-graph.ts';
import { LaneWriter } from './lane-writer.ts';
import { sha256dLastWord } from './sha256d-lanes.ts';
import { code, I32, V128, wasmModule } from './wasm-writer.ts';

/**
 * The search as a WebAssembly function, written out here instruction by instruction: `run(firstNonce, groupsCount)` tries
 * four nonces at a time and gives the number of the first group in which the most significant word of some lane's hash is
 * at most the limit, or -1. Every round is spelled out, so nothing but hashing is left in the loop.
 *
 * Memory: the limit, then one 32-bit word for each constant and each job word that the lanes read.
 */
export type SimdProgram = {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Offset of each word that never changes, by its value. */
  readonly constants: ReadonlyMap<number, number>;
  /** Offset of each job word, by its index among the graph's. */
  readonly jobWords: ReadonlyMap<number, number>;
  readonly graph: LaneGraph;
};

export const LANES = 4;
export const LIMIT_OFFSET = 0;
const MEMORY_START = 4;

const FIRST_NONCE = 0;
const GROUPS_COUNT = 1;
const GROUP = 2;
const NONCES = 3;
const FIRST_LANE_LOCAL = 4;
/** Every lane's bytes in the other order. */
const SWAPPED = [0, 4, 8, 12].flatMap((at) => [at + 3, at + 2, at + 1, at]);

export function assembleSearch(): SimdProgram {
  const { graph, lastWord } = sha256dLastWord();
  if (lastWord.when !== 'lane') throw new Error('a hash depends on its nonce');
  const writer = new LaneWriter({ nonce: graph.nonce, firstLocal: FIRST_LANE_LOCAL, memoryStart: MEMORY_START });
  const hashing = writer.write(graph.lanes, lastWord);
  const laneLocals = Array.from({ length: writer.localsCount }, () => V128);
  const body = [begin(), hashing, test(FIRST_LANE_LOCAL)].flat();
  return {
    bytes: wasmModule({ params: [I32, I32], results: [I32], locals: [I32, V128, ...laneLocals], body }),
    constants: writer.constants,
    jobWords: writer.jobWords,
    graph,
  };
}

function begin(): number[] {
  return [
    [code.localGet(FIRST_NONCE), code.splat, lanesConst([0, 1, 2, 3]), code.add],
    [code.localSet(NONCES), code.loop],
    // A header's numbers are little-endian, SHA-256's big-endian.
    [code.localGet(NONCES), code.localGet(NONCES), code.shuffle(SWAPPED)],
    [code.localSet(FIRST_LANE_LOCAL)],
  ].flat(2);
}

/** With the hashes' last words on the stack; `spare` is a local that is free by now. */
function test(spare: number): number[] {
  return [
    [code.localTee(spare), code.localGet(spare), code.shuffle(SWAPPED)],
    [code.i32Const(0), code.loadSplat(LIMIT_OFFSET), code.leU, code.anyTrue],
    [code.if, code.localGet(GROUP), code.return, code.end],
    [code.localGet(NONCES), lanesConst([LANES, LANES, LANES, LANES]), code.add, code.localSet(NONCES)],
    [code.localGet(GROUP), code.i32Const(1), code.i32Add, code.localTee(GROUP)],
    [code.localGet(GROUPS_COUNT), code.i32LtU, code.branchIf(0), code.end],
    [code.i32Const(-1), code.end],
  ].flat(2);
}

function lanesConst(values: readonly number[]): readonly number[] {
  return code.v128Const(values.flatMap((value) => [value, 0, 0, 0]));
}
