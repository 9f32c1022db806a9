import { LaneGraph, type Word } from './lane-graph.ts';
import { INITIAL_STATE, PADDING_WORD, ROUND_CONSTANTS } from './sha256-words.ts';

/**
 * SHA-256d of a block header as a graph over its nonce. Job inputs: 0 to 7 the state after the first 64 bytes, 8 to 10
 * the header's words 16 to 18. The answer is the last word of the digest, which read as a little-endian number is its
 * most significant: the last three rounds of the second hash are not needed for it.
 */
export const JOB_INPUTS_COUNT = 11;

const ROUNDS = 64;
/** The last word of the digest is e after round 60 (counted from 0), handed down through f and g to h. */
const ROUNDS_FOR_LAST_WORD = 61;

export function sha256dLastWord(): { readonly graph: LaneGraph; readonly lastWord: Word } {
  const graph = new LaneGraph(JOB_INPUTS_COUNT);
  const zero = graph.always(0);
  const midstate = Array.from({ length: 8 }, (_, i) => graph.input(i));
  const tail = [graph.input(8), graph.input(9), graph.input(10), graph.nonce];
  const padding = [graph.always(PADDING_WORD), ...Array.from({ length: 10 }, () => zero), graph.always(640)];
  const first = rounds(graph, midstate, [...tail, ...padding], ROUNDS);
  const digest = first.map((word, i) => graph.sum(word, midstate[i] ?? zero));

  const initial = Array.from(INITIAL_STATE, (word) => graph.always(word));
  const endOfDigest = [graph.always(PADDING_WORD), ...Array.from({ length: 6 }, () => zero), graph.always(256)];
  const second = rounds(graph, initial, [...digest, ...endOfDigest], ROUNDS_FOR_LAST_WORD);
  return { graph, lastWord: graph.sum(second[4] ?? zero, initial[7] ?? zero) };
}

/** §6.2.2, steps 1 to 3: the working variables after so many rounds. */
function rounds(graph: LaneGraph, state: readonly Word[], block: readonly Word[], count: number): readonly Word[] {
  const zero = graph.always(0);
  const schedule = [...block];
  const at = (t: number): Word => schedule[t] ?? zero;
  let [a = zero, b = zero, c = zero, d = zero, e = zero, f = zero, g = zero, h = zero] = state;
  let bXorC = graph.xor(b, c);
  for (let t = 0; t < count; t++) {
    if (t >= 16) schedule.push(graph.sum(at(t - 16), at(t - 7), sigma0(graph, at(t - 15)), sigma1(graph, at(t - 2))));
    const constant = graph.always(ROUND_CONSTANTS[t] ?? 0);
    const chosen = graph.xor(g, graph.and(e, graph.xor(f, g)));
    const t1 = graph.sum(h, constant, at(t), chosen, turned(graph, e, 6, 11, 25));
    const aXorB = graph.xor(a, b);
    // The majority of a, b and c; a ^ b is b ^ c of the next round.
    const majority = graph.xor(b, graph.and(aXorB, bXorC));
    const next = graph.sum(t1, majority, turned(graph, a, 2, 13, 22));
    [h, g, f, e, d, c, b, a] = [g, f, e, graph.sum(d, t1), c, b, a, next];
    bXorC = aXorB;
  }
  return [a, b, c, d, e, f, g, h];
}

function turned(graph: LaneGraph, x: Word, i: number, j: number, k: number): Word {
  return graph.xor(graph.xor(graph.rotr(x, i), graph.rotr(x, j)), graph.rotr(x, k));
}

function sigma0(graph: LaneGraph, x: Word): Word {
  return graph.xor(graph.xor(graph.rotr(x, 7), graph.rotr(x, 18)), graph.shr(x, 3));
}

function sigma1(graph: LaneGraph, x: Word): Word {
  return graph.xor(graph.xor(graph.rotr(x, 17), graph.rotr(x, 19)), graph.shr(x, 10));
}
