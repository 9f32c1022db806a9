import { describe, expect, it } from 'vitest';
import { readConsensusState, writeConsensusState } from '../../../src/execution/consensus-account.ts';
import { CONSENSUS_ADDRESS, type ConsensusRules } from '../../../src/execution/rules.ts';
import { StateOverlay } from '../../../src/state/overlay.ts';
import type { Evidence } from '../../../src/types/evidence.ts';
import type { ConsensusState } from '../../../src/types/validator.ts';
import { advance, emptyState, idleRules, key, NO_BYTES, testEnv, testGenesis } from './support.ts';

function stateOf(count: number): ConsensusState {
  const validators = Array.from({ length: count }, (_, i) => ({
    address: key(i).address,
    power: BigInt(i),
    jailed: false,
  }));
  return { validators, votes: [] };
}

const evidence: Evidence = { kind: 'headers', offender: key(1).address, first: NO_BYTES, second: NO_BYTES };
const judging: ConsensusRules = {
  ...idleRules,
  judge: ({ offender }) => ({ offender, code: 'DOUBLE_BLOCK', height: 7 }),
};

describe('the consensus account', () => {
  it('gives back what was written, larger or smaller than before', () => {
    const overlay = new StateOverlay(emptyState());
    for (const count of [1, 12, 3]) {
      writeConsensusState(overlay, stateOf(count));
      expect(readConsensusState(overlay)).toEqual(stateOf(count));
    }
  });

  it('leaves nothing of a longer state behind', () => {
    const long = new StateOverlay(emptyState());
    writeConsensusState(long, stateOf(12));
    writeConsensusState(long, stateOf(3));
    const short = new StateOverlay(emptyState());
    writeConsensusState(short, stateOf(3));
    const root = (overlay: StateOverlay): string => emptyState().child(overlay.diff()).root;
    expect(root(long)).toBe(root(short));
  });

  it('writes only what differs', () => {
    const base = testGenesis().state;
    const overlay = new StateOverlay(base);
    writeConsensusState(overlay, readConsensusState(base));
    expect(overlay.diff().storage.size).toBe(0);
  });

  it('must be there', () => {
    expect(() => readConsensusState(emptyState())).toThrow(
      expect.objectContaining({ code: 'STATE_CONSENSUS_MISSING' }),
    );
  });
});

describe('consensus in blocks', () => {
  it('is what the engine makes of it, under the state root', async () => {
    const parent = testGenesis();
    const added = stateOf(3);
    const rules: ConsensusRules = {
      ...idleRules,
      advance: (_, { number }) => (number === 1 ? added : parent.consensus),
    };
    const { executed } = await advance(testEnv({ rules }), parent);
    expect(readConsensusState(executed.state)).toEqual(added);
    expect(executed.consensus).toEqual(added);
    expect(executed.state.root).not.toBe(parent.header.stateRoot);
  });

  it('punishes an offence once, and jails', async () => {
    const env = testEnv({ rules: judging });
    const { executed, after } = await advance(env, testGenesis(), { evidence: [evidence] });
    const jailed = executed.consensus.validators.filter((validator) => validator.jailed);
    expect(jailed.map(({ address }) => address)).toEqual([key(1).address]);
    expect(readConsensusState(executed.state)).toEqual(executed.consensus);
    await expect(advance(env, after, { evidence: [evidence] })).rejects.toMatchObject({
      code: 'BLOCK_EVIDENCE_INVALID',
    });
  });

  it.for([
    ['the same offence twice in a block', judging, [evidence, evidence]],
    ['what the engine sees no offence in', idleRules, [evidence]],
    ['offences of those who are no validators', judging, [{ ...evidence, offender: key(9).address }]],
  ] as const)('refuses %s', async ([, rules, list]) => {
    await expect(advance(testEnv({ rules }), testGenesis(), { evidence: list })).rejects.toMatchObject({
      code: 'BLOCK_EVIDENCE_INVALID',
    });
  });

  it('shows its account to bytecode as one without code', () => {
    expect(testGenesis().state.account(CONSENSUS_ADDRESS)).toMatchObject({ nonce: 1, balance: 0n });
  });
});
