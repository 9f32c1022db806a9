import { encodeRlp, encodeUint } from '../../../src/codec/rlp.ts';
import { keccak256 } from '../../../src/crypto/keccak.ts';
import type { Evidence, Offence } from '../../../src/types/evidence.ts';
import type { Candidate, StakingRules } from '../../../src/types/staking.ts';
import type { ConsensusState, Validator } from '../../../src/types/validator.ts';
import { fromHex } from '../../../src/util/hex.ts';
import type { EngineCrypto, EngineFactory } from '../../api/engine.ts';
import { judgeVotes } from '../ffg-offence.ts';
import { sealedTwice } from '../sealed-header.ts';
import { SlotEngine } from './engine.ts';
import { decodeExtra } from './extra.ts';
import type { SlotFamily, SlotParams } from './family.ts';
import { settleSlot } from './settle.ts';
import { encodeSlotState, genesisSlotState } from './slot-state.ts';
import { epochOf } from './slot-times.ts';

/** What a family adds to the slot engine to be a consensus of its own. */
export type FamilyParts<P extends SlotParams> = {
  readonly id: string;
  readonly parseParams: (json: unknown) => P;
  readonly family: (params: P) => SlotFamily;
  readonly rules: (params: P) => StakingRules;
  readonly elect: (
    params: P,
    candidates: readonly Candidate[],
    before: ConsensusState,
    epoch: number,
  ) => readonly Validator[];
};

export function slotFactory<P extends SlotParams>(parts: FamilyParts<P>): EngineFactory<P> {
  const families = new WeakMap<P, SlotFamily>();
  const familyOf = (params: P): SlotFamily => {
    const known = families.get(params) ?? parts.family(params);
    families.set(params, known);
    return known;
  };
  return {
    id: parts.id,
    traits: {
      finality: 'votes',
      needsJustification: false,
      castsMessages: true,
      usesWork: false,
      takesProposals: false,
    },
    parseParams: parts.parseParams,
    idles: () => false,
    genesis: () => ({ extra: new Uint8Array(0), seal: new Uint8Array(0) }),
    advance: (_params, before) => before,
    staking: {
      rules: parts.rules,
      genesis: (_params, { timeMs, validators }) => {
        const names = validators.map(({ address }) => fromHex(address));
        return encodeSlotState(genesisSlotState(timeMs, validators, keccak256(encodeRlp([encodeUint(timeMs), names]))));
      },
      settle: (params, before, block, crypto) => settleSlot(familyOf(params), before, block, crypto),
      elect: parts.elect,
    },
    judge: (params, evidence, crypto, context) => judgeSlots(params, evidence, crypto, context),
    // What validators earn goes to their stakes.
    blockReward: () => 0n,
    create: (params, env, saved) => new SlotEngine(familyOf(params), env, saved, parts.rules(params)),
  };
}

type Chain = { readonly chainId: number; readonly shard: number };

/** DOUBLE_PROPOSAL: two blocks of one author in one slot. DOUBLE_VOTE, SURROUND_VOTE: see ../ffg-offence.ts. Pure and total. */
function judgeSlots(params: SlotParams, evidence: Evidence, crypto: EngineCrypto, chain: Chain): Offence | null {
  if (evidence.kind === 'messages') {
    const offence = judgeVotes(evidence, crypto, 1);
    return offence === null ? null : { ...offence, epoch: offence.height };
  }
  const [first, second] = (sealedTwice(evidence, crypto) ?? []).map(({ extra }) => decodeExtra(extra));
  if (first == null || second == null || first.slot !== second.slot) return null;
  if (![first, second].every(({ chainId, shard }) => chainId === chain.chainId && shard === chain.shard)) return null;
  const epoch = epochOf(params, first.slot);
  return { offender: evidence.offender, code: 'DOUBLE_PROPOSAL', height: first.slot, epoch };
}
