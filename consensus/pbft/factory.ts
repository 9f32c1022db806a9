import type { EngineFactory } from '../api/engine.ts';
import { PbftEngine } from './engine.ts';
import { judgePbft } from './judge.ts';
import { parsePbftParams, type PbftParams } from './params.ts';

/** Practical Byzantine fault tolerance; see README.md beside this file. */
export const pbftFactory: EngineFactory<PbftParams> = {
  id: 'pbft',
  traits: {
    finality: 'instant',
    needsJustification: true,
    castsMessages: true,
    usesWork: false,
    takesProposals: false,
  },
  parseParams: parsePbftParams,
  idles: ({ emptyBlocks }) => emptyBlocks !== 'always',
  // The state root commits to the validators, so the genesis block itself needs to say nothing.
  genesis: () => ({ extra: new Uint8Array(0), seal: new Uint8Array(0) }),
  advance: (_params, before) => before,
  judge: (_params, evidence, crypto) => judgePbft(evidence, crypto),
  blockReward: () => 0n,
  create: (params, env, saved) => new PbftEngine(params, env, saved),
};
