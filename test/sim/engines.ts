import type { EngineFactory } from '../../consensus/api/engine.ts';
import { voteOffence } from '../../consensus/common/ffg-offence.ts';
import { decodeVote, type FfgVote } from '../../consensus/common/ffg-vote.ts';
import { parsePoaParams, slotOf } from '../../consensus/poa/params.ts';
import { engineIds, loadEngine } from '../../consensus/registry.ts';
import type { Header } from '../../src/types/block.ts';
import type { Bytes, JsonObject, Millis } from '../../src/types/primitives.ts';
import type { Rng } from '../../src/util/rng.ts';

/**
 * What the simulator must know of an engine beyond the seam: how to draw its parameters, and what two statements of one
 * key contradict each other.
 */
export type SimEngine = {
  readonly factory: EngineFactory;
  readonly params: JsonObject;
  readonly blockTimeMs: Millis;
  /** Takes the `propose` event: validators can be voted in and out. */
  readonly takesProposals: boolean;
  /** Where a seal stands: two different headers of one author in one place are a contradiction. */
  readonly sealPlace: (header: Header) => string;
  /** null: not a vote of this engine. */
  readonly readVote: (payload: Bytes) => SimVote | null;
  readonly votesConflict: (a: SimVote, b: SimVote) => boolean;
};

export type SimVote = FfgVote;

type Draw = (rng: Rng, wanted: JsonObject) => Omit<SimEngine, 'factory'>;

const BLOCK_TIME_MS: Millis = 1000;

const draws: { readonly [id: string]: Draw } = {
  poa: (rng, wanted) => {
    const params = { blockTimeMs: BLOCK_TIME_MS, checkpointBlocks: rng.pick([1, 1, 1, 2, 4]), ...wanted };
    const parsed = parsePoaParams(params);
    return {
      params,
      blockTimeMs: parsed.blockTimeMs,
      takesProposals: true,
      sealPlace: (header) => `slot ${slotOf(parsed, header.timeMs)}`,
      readVote: decodeVote,
      votesConflict: (a, b) => voteOffence(a, b) !== null,
    };
  },
};

/** Engines that exist and that the simulator can drive. */
export const simulatedEngines: readonly string[] = engineIds.filter((id) => Object.hasOwn(draws, id));

/** `wanted`: parameters that are not drawn. Throws ConfigError for an unknown id, Error for one not known here. */
export async function drawEngine(id: string, rng: Rng, wanted: JsonObject = {}): Promise<SimEngine> {
  const factory = await loadEngine(id);
  const draw = draws[id];
  if (draw === undefined) throw new Error(`the simulator does not know the engine "${id}" yet`);
  return { factory, ...draw(rng, wanted) };
}
