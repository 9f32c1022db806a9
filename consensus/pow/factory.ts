import type { EngineFactory } from '../api/engine.ts';
import { PowEngine } from './engine.ts';
import { parsePowParams, type PowParams } from './params.ts';
import { rewardAt } from './reward.ts';

/** Proof of work; see README.md beside this file. */
export const powFactory: EngineFactory<PowParams> = {
  id: 'pow',
  traits: {
    finality: 'confirmations',
    needsJustification: false,
    castsMessages: false,
    usesWork: true,
    takesProposals: false,
  },
  parseParams: parsePowParams,
  idles: () => false,
  // The parameters, which the genesis hash covers, say what the first target is.
  genesis: () => ({ extra: new Uint8Array(0), seal: new Uint8Array(0) }),
  advance: (_params, before) => before,
  // Two blocks in one place prove nothing but luck.
  judge: () => null,
  blockReward: rewardAt,
  create: (params, env) => new PowEngine(params, env),
};
