import type { EngineFactory } from '../api/engine.ts';
import { PoaEngine } from './engine.ts';
import { decodeExtra } from './extra.ts';
import { judgePoa } from './judge.ts';
import { parsePoaParams, type PoaParams } from './params.ts';
import { advanceVotes } from './votes.ts';

/** Proof of authority; see README.md beside this file. */
export const poaFactory: EngineFactory<PoaParams> = {
  id: 'poa',
  traits: { finality: 'votes', needsJustification: false, castsMessages: true, usesWork: false, takesProposals: true },
  parseParams: parsePoaParams,
  idles: (params) => params.blockTimeMs === 0,
  // The state root commits to the authorities, so the genesis block itself needs to say nothing.
  genesis: () => ({ extra: new Uint8Array(0), seal: new Uint8Array(0) }),
  advance: (params, before, header, author) =>
    advanceVotes(
      before,
      { number: header.number, author, vote: decodeExtra(header.extra)?.vote ?? null },
      params.epochBlocks,
    ),
  judge: judgePoa,
  blockReward: () => 0n,
  create: (params, env, saved) => new PoaEngine(params, env, saved),
};
