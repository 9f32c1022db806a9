import { describe, expect, it } from 'vitest';
import { voteEvidence } from '../../../../consensus/common/ffg-offence.ts';
import { encodeExtra } from '../../../../consensus/common/slots/extra.ts';
import { posFactory } from '../../../../consensus/pos/factory.ts';
import { encodeHeader } from '../../../../src/codec/block.ts';
import type { Header } from '../../../../src/types/block.ts';
import type { Evidence } from '../../../../src/types/evidence.ts';
import { fakeSign, rigAddress, rigHeader, sealed } from '../../../conformance/rig-parts.ts';
import { at, CHAIN, crypto, Harness, only, signedVote, staked, START_MS, type MadeBlock } from './harness.ts';
import { hashOf } from './states.ts';
const four = staked(32, 32, 32, 32);
const params = posFactory.parseParams({ blockTimeMs: 1000, slotsPerEpoch: 4 });
const judge = (evidence: Evidence) => posFactory.judge(params, evidence, crypto, CHAIN);
const offender = rigAddress(2);

function started() {
  const harness = new Harness({ validators: four }).start();
  const chain = harness.chain(harness.genesis, 9);
  return { harness, chain, head: at(chain, 9), two: at(chain, 8), one: at(chain, 4) };
}

/** Another first block of the same epoch. */
function rival(harness: Harness, checkpoint: MadeBlock, chain: readonly MadeBlock[]): MadeBlock {
  const block = harness.make(at(chain, checkpoint.header.number - 1), checkpoint.slots.slot + 1, { mark: 7 });
  harness.import(block);
  return block;
}

describe('two blocks of one author in one slot', () => {
  it('are evidence, once, and proven to have happened in that slot and epoch', () => {
    const { harness, head } = started();
    const [first, second, third] = [1, 2, 3].map((mark) => harness.make(head, 10, { mark }));
    expect(only(harness.import(at([first, second], 0) ?? head), 'evidence')).toEqual([]);
    const [effect] = only(harness.import(second ?? head), 'evidence');
    expect(effect?.evidence).toMatchObject({ kind: 'headers', offender: first?.author });
    const offence = { offender: first?.author, code: 'DOUBLE_PROPOSAL', height: 10, epoch: 2 };
    expect(effect === undefined ? null : judge(effect.evidence)).toEqual(offence);
    expect(only(harness.import(third ?? head), 'evidence')).toEqual([]);
  });

  it('are evidence on two branches as well', () => {
    const { harness, chain, head } = started();
    const one = harness.make(head, 10);
    harness.import(one);
    const other = harness.make(at(chain, 8), 10, { author: one.author });
    const [effect] = only(harness.import(other), 'evidence');
    expect(effect === undefined ? null : judge(effect.evidence)?.code).toBe('DOUBLE_PROPOSAL');
  });

  it('in two slots at one height are what an honest author does after a change of branch', () => {
    const { harness, head } = started();
    const author = harness.proposer(head, 10);
    const effects = [10, 11].flatMap((slot) => harness.import(harness.make(head, slot, { author })));
    expect(only(effects, 'evidence')).toEqual([]);
  });
});

describe('headers as evidence', () => {
  const author = rigAddress(1);

  function header(slot: number, more: { chainId?: number; shard?: number; mark?: number; by?: typeof author } = {}) {
    const { chainId = CHAIN.chainId, shard = CHAIN.shard, mark = 0, by = author } = more;
    const extra = encodeExtra({ chainId, shard, slot, opening: null, commitment: null });
    const timeMs = START_MS + slot * 1000;
    const unsealed = rigHeader({ number: 5, timeMs, extra, gasLimit: 30_000_000 + mark });
    return sealed(unsealed, fakeSign(crypto.sealHash(unsealed), by));
  }

  const evidence = (first: Header, second: Header): Evidence => ({
    kind: 'headers',
    offender: author,
    first: encodeHeader(first),
    second: encodeHeader(second),
  });

  it('prove two different blocks in one slot, in either order', () => {
    const [a, b] = [header(21), header(21, { mark: 1 })];
    const offence = { offender: author, code: 'DOUBLE_PROPOSAL', height: 21, epoch: 5 };
    expect(judge(evidence(a, b))).toEqual(offence);
    expect(judge(evidence(b, a))).toEqual(offence);
  });

  it('prove nothing by the same block under another signature of the same key', () => {
    const block = header(21);
    const again = { ...block, seal: Uint8Array.from(block.seal) };
    // The last bytes of a fake signature are free.
    again.seal[60] = 1;
    expect(again.seal).not.toEqual(block.seal);
    expect(judge(evidence(block, again))).toBeNull();
  });

  it.each([
    ['of another chain', header(21, { chainId: 1, mark: 1 })],
    ['of another shard', header(21, { shard: 1, mark: 1 })],
    ['of another slot', header(22, { mark: 1 })],
    ['of somebody else', header(21, { mark: 1, by: rigAddress(3) })],
    ['that says nothing of a slot', { ...header(21), extra: Uint8Array.of(1) }],
  ])('prove nothing with one %s', (_, other) => {
    expect(judge(evidence(header(21), header(21, { mark: 2 })))).not.toBeNull();
    expect(judge(evidence(header(21), other))).toBeNull();
    expect(judge(evidence(other, header(21)))).toBeNull();
  });

  it('prove nothing when both are of another chain, or rubbish', () => {
    expect(judge(evidence(header(21, { chainId: 1 }), header(21, { chainId: 1, mark: 1 })))).toBeNull();
    const rubbish: Evidence = { ...evidence(header(21), header(21, { mark: 1 })), second: Buffer.from('rubbish') };
    expect(judge(rubbish)).toBeNull();
  });
});

describe('two attestations', () => {
  it('in one epoch, by gossip, are a double vote in that epoch', () => {
    const { harness, chain, two, head } = started();
    const other = rival(harness, two, chain);
    harness.hear(harness.attestation(offender, two, head));
    const [effect] = only(harness.hear(harness.attestation(offender, other, other)), 'evidence');
    const offence = { offender, code: 'DOUBLE_VOTE', height: 2, epoch: 2 };
    expect(effect === undefined ? null : judge(effect.evidence)).toEqual(offence);
  });

  it('in one epoch are a double vote where the second comes in a block', () => {
    const { harness, chain, two, head } = started();
    const other = rival(harness, two, chain);
    harness.hear(harness.attestation(offender, other, other));
    const votes = [harness.attestation(offender, two, head)];
    const [effect] = only(harness.import(harness.make(head, 10, { votes })), 'evidence');
    expect(effect === undefined ? null : judge(effect.evidence)?.code).toBe('DOUBLE_VOTE');
  });

  it('of which one is around the other are an offence in the epoch of the inner one', () => {
    const { harness, one, two } = started();
    const genesis = { epoch: 0, hash: harness.genesis.hash };
    const target = { epoch: 3, hash: crypto.keccak256(Buffer.from('three')) };
    harness.hear(harness.attestation(offender, two, two, { source: { epoch: 1, hash: one.hash } }));
    const outer = signedVote(offender, { source: genesis, target, attested: { slot: 12, head: target.hash } });
    const [effect] = only(harness.hear(outer), 'evidence');
    const offence = { offender, code: 'SURROUND_VOTE', height: 2, epoch: 2 };
    expect(effect === undefined ? null : judge(effect.evidence)).toEqual(offence);
  });

  it('of two epochs one after the other are honest, and so is one said twice', () => {
    const { harness, one, two, head } = started();
    const said = harness.attestation(offender, two, head);
    const effects = [harness.attestation(offender, one, one), said, said].flatMap((vote) => harness.hear(vote));
    expect(only(effects, 'evidence')).toEqual([]);
  });

  it('that differ in the head alone are judged as a double vote', () => {
    const { harness, two, head } = started();
    const [a, b] = [harness.attestation(offender, two, two), harness.attestation(offender, two, head)];
    expect(judge(voteEvidence(a, b))).toMatchObject({ offender, code: 'DOUBLE_VOTE', epoch: 2 });
  });

  it('of a stranger interest nobody', () => {
    const { harness, two, head, chain } = started();
    const other = rival(harness, two, chain);
    harness.hear(harness.attestation(rigAddress(9), two, head));
    expect(only(harness.hear(harness.attestation(rigAddress(9), other, other)), 'evidence')).toEqual([]);
  });
});

describe('who said two things at once', () => {
  it('has no say about the head any more', () => {
    const validators = staked(32, 32, 96);
    const harness = new Harness({ validators }).start();
    const [low, high] = [harness.make(harness.genesis, 4), harness.make(harness.genesis, 5)];
    for (const block of [low, high]) harness.import(block);
    const headOf = () => harness.engine.describe().head.hash;
    const whale = rigAddress(2);
    harness.hear(harness.attestation(rigAddress(0), low, low));
    harness.hear(harness.attestation(whale, high, high));
    expect(headOf()).toBe(high.hash);
    harness.hear(harness.attestation(whale, low, low));
    harness.hear(harness.attestation(whale, high, high));
    expect(headOf()).toBe(low.hash);
  });
});

describe('who wants to hide what it does', () => {
  const validators = staked(32, 32, 32, 32);

  it('can not push its votes out with votes for times to come', () => {
    const harness = new Harness({ validators }).start();
    const [low, high] = [harness.make(harness.genesis, 4), harness.make(harness.genesis, 5)];
    for (const block of [low, high]) harness.import(block);
    const liar = rigAddress(1);
    for (let i = 0; i < 40; i++) {
      const target = { epoch: 1_000_000 + i, hash: hashOf(`target ${i}`) };
      harness.hear(harness.attestation(liar, low, low, { target, slot: target.epoch * 4 }));
    }
    harness.hear(harness.attestation(liar, low, low));
    expect(only(harness.hear(harness.attestation(liar, high, high)), 'evidence')).toHaveLength(1);
  });

  it('can not buy silence with one lie about the far future', () => {
    const harness = new Harness({ validators }).start();
    const [low, high] = [harness.make(harness.genesis, 4), harness.make(harness.genesis, 5)];
    for (const block of [low, high]) harness.import(block);
    const liar = rigAddress(1);
    const far = (name: string) => ({ target: { epoch: 1_000_000, hash: hashOf(name) }, slot: 4_000_000 });
    const lies = [far('a'), far('b')].flatMap((lie) => harness.hear(harness.attestation(liar, low, low, lie)));
    expect(only(lies, 'evidence')).toEqual([]);
    harness.hear(harness.attestation(liar, low, low));
    expect(only(harness.hear(harness.attestation(liar, high, high)), 'evidence')).toHaveLength(1);
  });
});
