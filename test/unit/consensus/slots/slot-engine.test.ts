import { describe, expect, it } from 'vitest';
import { firstSlotOf } from '../../../../consensus/common/slots/slot-times.ts';
import type { SignedMessage } from '../../../../src/types/message.ts';
import { rigAddress } from '../../../conformance/rig-parts.ts';
import { at, crypto, Harness, only, signedVote, staked } from './harness.ts';

const four = staked(32, 32, 32, 32);
const nowhere = crypto.keccak256(Buffer.from('nowhere'));

/** Ten blocks of epochs of four slots, of which the checkpoint of epoch 1 is justified and nothing is final. */
function started() {
  const harness = new Harness({ validators: four }).start();
  const chain = harness.chain(harness.genesis, 9);
  return { harness, chain, one: at(chain, 4), two: at(chain, 8), head: at(chain, 9) };
}

/** Two more epochs, so that there is something final. */
function finalizing() {
  const harness = new Harness({ validators: four }).start();
  const chain = harness.chain(harness.genesis, 17);
  return { harness, chain, head: at(chain, 17), newest: at(chain, 16) };
}

describe('an attestation', () => {
  it('for the newest checkpoint, in its slot, is passed on', () => {
    const { harness, two, head } = started();
    harness.now += 10_000;
    for (const { address } of four) {
      expect(harness.engine.checkMessage(harness.attestation(address, two, head))).toEqual({ kind: 'accept' });
    }
  });

  it('for a late checkpoint that is not final counts as well', () => {
    const { harness, one, head } = started();
    expect(harness.engine.checkMessage(harness.attestation(rigAddress(1), one, head))).toEqual({ kind: 'accept' });
  });

  type World = ReturnType<typeof started>;
  const voter = rigAddress(2);
  const wrong: readonly [string, (world: World) => SignedMessage, string, string][] = [
    [
      'that is none',
      () => ({ from: voter, payload: Buffer.from('rubbish'), signature: new Uint8Array(65) }),
      'reject',
      'ATTESTATION_MALFORMED',
    ],
    [
      'that is a link and no more',
      ({ one, two }) =>
        signedVote(voter, { source: { epoch: 1, hash: one.hash }, target: { epoch: 2, hash: two.hash } }),
      'reject',
      'ATTESTATION_MALFORMED',
    ],
    [
      'in a slot of another epoch',
      ({ harness, two, head }) => harness.attestation(voter, two, head, { slot: 12 }),
      'reject',
      'ATTESTATION_SLOT',
    ],
    [
      'of a stranger',
      ({ harness, two, head }) => harness.attestation(rigAddress(9), two, head),
      'ignore',
      'ATTESTER_UNKNOWN',
    ],
    [
      'out of its slot',
      ({ harness, two, head }) => {
        const duty = harness.duties(two).get(voter) ?? 0;
        return harness.attestation(voter, two, head, { slot: duty === 8 ? 9 : 8 });
      },
      'reject',
      'ATTESTATION_OUTSIDE_COMMITTEE',
    ],
    [
      'for a checkpoint nobody has seen',
      ({ harness, two, head }) => harness.attestation(voter, two, head, { target: { epoch: 2, hash: nowhere } }),
      'later',
      'TARGET_UNKNOWN',
    ],
    [
      'for a block that is no checkpoint',
      ({ harness, two, head }) => harness.attestation(voter, two, head, { target: { epoch: 2, hash: head.hash } }),
      'reject',
      'TARGET_INVALID',
    ],
    [
      'for a checkpoint under the name of another epoch',
      ({ harness, one, head }) =>
        harness.attestation(voter, one, head, { target: { epoch: 2, hash: one.hash }, slot: 8 }),
      'reject',
      'TARGET_INVALID',
    ],
    [
      'from a source that is not the newest justified of its branch',
      ({ harness, two, head }) =>
        harness.attestation(voter, two, head, { source: { epoch: 0, hash: harness.genesis.hash } }),
      'reject',
      'SOURCE_INVALID',
    ],
    [
      'for a head nobody has seen',
      ({ harness, two, head }) => {
        const slot = harness.duties(two).get(voter) ?? 0;
        return harness.attestation(voter, two, head, { attested: { slot, head: nowhere } });
      },
      'later',
      'HEAD_UNKNOWN',
    ],
    [
      'for a head that does not descend from its checkpoint',
      ({ harness, one, two }) => harness.attestation(voter, two, one),
      'reject',
      'HEAD_NOT_OF_TARGET',
    ],
    [
      'from far ahead of the clock',
      ({ harness, head }) => {
        const target = { epoch: 9, hash: nowhere };
        return harness.attestation(voter, head, head, { target, slot: firstSlotOf(harness.params, 9) });
      },
      'later',
      'ATTESTATION_EARLY',
    ],
  ];

  it.each(wrong)('%s is not passed on', (_, make, kind, code) => {
    const world = started();
    expect(world.harness.engine.checkMessage(make(world))).toEqual({ kind, code });
  });

  it('for what is final already is of no use', () => {
    const { harness, chain, head } = finalizing();
    const finalized = at(only(harness.effects, 'forkchoice'), -1).finalized;
    const final = chain.find(({ hash }) => hash === finalized);
    expect(final?.slots.epoch).toBeGreaterThan(1);
    const old = harness.attestation(voter, at(chain, 4), head);
    expect(harness.engine.checkMessage(old)).toEqual({ kind: 'ignore', code: 'ATTESTATION_OLD' });
  });

  it('is early until its slot is a block time and the tolerance away', () => {
    const { harness, two, head } = started();
    const slot = 11;
    const message = harness.attestation(voter, two, head, { slot });
    const startMs = harness.genesis.header.timeMs + slot * 1000;
    harness.now = startMs - 2501;
    harness.step({ type: 'timer', id: 'attest' });
    expect(harness.engine.checkMessage(message)).toEqual({ kind: 'later', code: 'ATTESTATION_EARLY' });
    harness.now = startMs - 2500;
    harness.step({ type: 'timer', id: 'attest' });
    expect(harness.engine.checkMessage(message)).not.toEqual({ kind: 'later', code: 'ATTESTATION_EARLY' });
  });

  it('is not judged before the start', () => {
    const { harness, two, head } = started();
    const fresh = new Harness({ validators: four });
    const message = harness.attestation(voter, two, head);
    expect(fresh.engine.checkMessage(message)).toEqual({ kind: 'later', code: 'NOT_STARTED' });
  });
});

describe('finality', () => {
  it('follows attestations in blocks, two epochs behind, with proof and anchor', () => {
    const { harness, chain } = finalizing();
    const last = at(only(harness.effects, 'forkchoice'), -1);
    expect(last).toMatchObject({ head: at(chain, 17).hash, safe: at(chain, 12).hash, finalized: at(chain, 8).hash });
    const proven = only(harness.effects, 'forkchoice').filter(({ justification }) => justification !== undefined);
    expect(proven.map(({ finalized }) => finalized)).toContain(at(chain, 8).hash);
    expect(proven.every(({ anchor }) => anchor !== undefined)).toBe(true);
  });

  it('does not move by gossip', () => {
    const harness = new Harness({ validators: four }).start();
    const chain = harness.chain(harness.genesis, 17, () => false);
    for (const { address } of four) {
      for (const index of [4, 8, 12]) harness.hear(harness.attestation(address, at(chain, index), at(chain, 17)));
    }
    expect(harness.engine.describe().finalized.number).toBe(0);
  });

  it('an engine that starts over from block, state and anchor goes on alike', () => {
    const { harness, chain, head } = finalizing();
    const { anchor, finalized: hash } = at(
      only(harness.effects, 'forkchoice').filter((effect) => effect.anchor !== undefined),
      -1,
    );
    const root = at(
      chain.filter((block) => block.hash === hash),
      0,
    );
    const again = new Harness({ validators: four });
    again.now = harness.now;
    const { header: finalized, state } = root;
    again.step({ type: 'start', finalized, finalizedHash: hash, state, anchor: anchor ?? null });
    for (const block of chain.slice(chain.indexOf(root) + 1)) again.import(block, 'replay');
    expect(only(again.effects, 'forkchoice')).toEqual([]);
    again.step({ type: 'ready' });
    const more = harness.chain(head, 24).slice(1);
    for (const block of more) again.import(block);
    const [a, b] = [harness, again].map((one) => one.engine.describe());
    expect(b).toMatchObject({ head: a?.head, safe: a?.safe, finalized: a?.finalized });
    expect(a?.finalized.number).toBeGreaterThan(root.header.number);
  });
});

describe('whoever is the first to carry the votes that justify', () => {
  it('on an old parent undoes none of the blocks that came since', () => {
    const harness = new Harness({ validators: four }).start();
    const checkpoint = at(harness.chain(harness.genesis, 8), 8);
    const nine = harness.make(checkpoint, 9);
    const ten = harness.make(nine, 10);
    for (const block of [nine, ten]) harness.import(block);
    const votes = [0, 1, 2].map((i) => harness.attestation(rigAddress(i), checkpoint, ten));
    for (const vote of votes) harness.hear(vote);
    const sneaky = harness.make(checkpoint, 11, { votes });
    harness.import(sneaky);
    expect(sneaky.ffg.justified.epoch).toBeGreaterThan(ten.ffg.justified.epoch);
    expect(harness.engine.describe().head.hash).toBe(ten.hash);
  });
});
