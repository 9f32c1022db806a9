import { describe, expect, it } from 'vitest';
import { decodeVote } from '../../../../consensus/common/ffg-vote.ts';
import { rigAddress } from '../../../conformance/rig-parts.ts';
import { at, Harness, only, staked, START_MS } from './harness.ts';

const four = staked(32, 32, 32, 32);
const two = four.slice(0, 2);
const leaver = rigAddress(3);

/** In the first block of epoch 3 half of the stake leaves; the chain goes on to slot 15. */
function left() {
  const harness = new Harness({ validators: four, self: leaver }).start();
  const chain = harness.chain(harness.genesis, 11);
  const change = harness.make(at(chain, 11), 12, { validators: two });
  harness.import(change);
  return { harness, change, head: at(harness.chain(change, 15), -1) };
}

describe('those who have left', () => {
  it('attest in the first slot of an epoch while finality still waits for them', () => {
    const { harness, head } = left();
    const next = harness.make(head, 16);
    harness.import(next);
    harness.now = START_MS + 16_400;
    harness.step({ type: 'timer', id: 'attest' });
    const votes = only(harness.effects, 'cast').map(({ payload }) => decodeVote(payload));
    expect(votes.find((vote) => vote?.target.hash === next.hash)?.attested?.slot).toBe(16);
    expect(harness.engine.checkMessage(harness.attestation(leaver, next, next))).toEqual({ kind: 'accept' });
    const elsewhen = harness.attestation(leaver, next, next, { slot: 17 });
    expect(harness.engine.checkMessage(elsewhen)).toEqual({ kind: 'reject', code: 'ATTESTATION_OUTSIDE_COMMITTEE' });
  });

  it('are let go once the change is final, and finality goes on without them', () => {
    const { harness, head, change } = left();
    const chain = harness.chain(head, 40);
    expect(harness.engine.describe().finalized.number).toBeGreaterThan(change.header.number + 8);
    const newest = at(chain, -1).ffg.targets.at(-1)?.checkpoint.hash;
    const checkpoint = chain.find(({ hash }) => hash === newest) ?? change;
    harness.now += 60_000;
    const late = harness.attestation(leaver, checkpoint, at(chain, -1), { slot: 40 });
    expect(harness.engine.checkMessage(late)).not.toEqual({ kind: 'accept' });
    const targets = only(harness.effects, 'cast').map(({ payload }) => decodeVote(payload)?.target.epoch ?? 0);
    expect(Math.max(...targets)).toBeLessThan(7);
  });
});
