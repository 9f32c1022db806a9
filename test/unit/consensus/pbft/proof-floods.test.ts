import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Certificate, NewView, Statement } from '../../../../consensus/pbft/messages.ts';
import type { SignedMessage } from '../../../../src/types/message.ts';
import type { Hash } from '../../../../src/types/primitives.ts';
import { alone, candidate } from './alone.ts';
import { crypto, Net, signed, validator, type NetNode } from './net.ts';
import { HASH } from './samples.ts';

/** Each proof costs a quorum of signatures. What a liar can make honest nodes check is counted here. */

const verdictOn = (node: NetNode, message: SignedMessage): string => {
  const verdict = node.engine?.checkMessage(message);
  return verdict === undefined || verdict.kind === 'accept' ? 'accept' : `${verdict.kind} ${verdict.code}`;
};

const signers = (indexes: readonly number[], statement: (index: number) => Statement) =>
  indexes.map((i) => ({ from: validator(i), signature: signed(validator(i), statement(i)).signature }));

/** Of view 0, by these; v0 leads it. */
function certificate(height: number, hash: Hash, indexes: readonly number[]): Certificate {
  const vote = (i: number) => ({ kind: i === 0 ? 'pre-prepare' : 'prepare', height, view: 0, hash }) as const;
  return { view: 0, hash, signers: signers(indexes, vote) };
}

function newView(height: number, view: number, indexes: readonly number[]): NewView {
  const change = { kind: 'view-change', height, view, prepared: null } as const;
  const changes = signers(indexes, () => change).map((signer) => ({ ...signer, prepared: null }));
  return { kind: 'new-view', height, view, changes, certificate: null };
}

const proofOf = (height: number, proof: Certificate): Statement => ({
  kind: 'certificate',
  height,
  view: proof.view,
  certificate: proof,
});

describe('of one validator', () => {
  const recover = vi.spyOn(crypto, 'recover');
  beforeEach(() => void recover.mockClear());

  it('one certificate for a view is checked, once, whatever bytes it comes in', () => {
    const { node, height } = alone();
    const fine = proofOf(height, certificate(height, HASH, [0, 1, 2]));
    expect(verdictOn(node, signed(validator(2), fine))).toBe('accept');
    const cost = recover.mock.calls.length;
    for (let i = 0; i < 10; i++) expect(verdictOn(node, signed(validator(2), fine))).toBe('accept');
    for (const indexes of [
      [0, 1, 3],
      [0, 2, 3],
      [0, 1, 2, 3],
    ]) {
      const other = signed(validator(2), proofOf(height, certificate(height, HASH, indexes)));
      expect(verdictOn(node, other)).toBe('ignore PROOF_SPENT');
    }
    expect(recover.mock.calls.length).toBe(cost);
    // Others have theirs.
    expect(verdictOn(node, signed(validator(3), proofOf(height, certificate(height, HASH, [0, 2, 3]))))).toBe('accept');
  });

  it('nothing is checked after a false one, at this height', () => {
    const { node, height } = alone();
    const forged = (n: number): Statement => {
      const { signers: good, ...claim } = certificate(height, HASH, [0, 1, 2]);
      const last = good.map((signer, i) => (i < 2 ? signer : { ...signer, signature: new Uint8Array(65).fill(n) }));
      return proofOf(height, { ...claim, signers: last });
    };
    expect(verdictOn(node, signed(validator(2), forged(1)))).toBe('reject SIGNATURE_FORGED');
    const cost = recover.mock.calls.length;
    for (let n = 2; n < 50; n++) expect(verdictOn(node, signed(validator(2), forged(n)))).toBe('ignore PROOF_SPENT');
    expect(verdictOn(node, signed(validator(2), newView(height, 2, [0, 1, 3])))).toBe('ignore PROOF_SPENT');
    expect(recover.mock.calls.length).toBe(cost);
    expect(verdictOn(node, signed(validator(3), newView(height, 3, [0, 1, 3])))).toBe('accept');
  });

  it('two NEW-VIEWs for one view are held against it, and not checked', () => {
    const { node, height } = alone();
    const [first, second, third] = [
      [0, 1, 2],
      [0, 1, 3],
      [0, 2, 3],
    ].map((indexes) => signed(validator(2), newView(height, 2, indexes)));
    if (first === undefined || second === undefined || third === undefined) throw new Error('there are three');
    node.hear(first);
    expect(node.status.clock.value).toBe(2);
    const cost = recover.mock.calls.length;
    expect(verdictOn(node, second)).toBe('later NEW_VIEW_TWICE');
    node.hear(second);
    expect(node.evidence).toHaveLength(1);
    expect(verdictOn(node, third)).toBe('ignore PROOF_SPENT');
    expect(recover.mock.calls.length).toBe(cost);
  });
});

describe('a justification that is false', () => {
  it('is blamed on who brought it, and one for a block that is not in question is not checked', () => {
    const { node, hash, height } = candidate();
    const justification = new Uint8Array(3);
    const told = (block: Hash, peer: string | null) =>
      node.step({ type: 'justified', hash: block, justification, peer }).filter(({ type }) => type === 'blame');
    expect(told(hash, 'liar')).toEqual([{ type: 'blame', peer: 'liar', code: 'PBFT_CERTIFICATE_MALFORMED' }]);
    expect(told(hash, null)).toEqual([]);
    expect(told(HASH, 'liar')).toEqual([]);
    expect(node.decided).toBe(height - 1);
  });
});

describe('far behind, by a word of a peer', () => {
  it('candidates without proof are no progress, and the validator speaks again', () => {
    const net = new Net({ validators: 4, params: { blockTimeMs: 1000, viewTimeoutMs: 1000 } }).start();
    net.until(() => net.decided >= 3);
    net.node(0).kill();
    for (const node of net.alive) node.step({ type: 'syncing', behindBlocks: 1_000_000 });
    const before = net.decided;
    for (let second = 0; second < 40; second++) {
      for (const node of net.alive) {
        const parent = node.blocks.get(net.chain().at(-1) ?? '0x');
        if (parent === undefined) throw new Error('the last decision is known');
        const { hash, header, author, state } = net.node(2).seal(parent, parent.header.timeMs + 1000, 100 + second);
        const how = { votes: [], origin: 'sync', justification: null } as const;
        node.step({ type: 'imported', hash, header, author, state, ...how });
      }
      net.run(1000);
    }
    expect(net.decided).toBeGreaterThan(before + 10);
  });

  it('decisions are', () => {
    const net = new Net({ validators: 4, params: { blockTimeMs: 1000 } }).start();
    net.until(() => net.decided >= 2);
    const late = net.node(1);
    net.passes = ({ to, from }) => to !== late && from !== late;
    net.run(30_000);
    late.step({ type: 'syncing', behindBlocks: 30 });
    net.run(9000);
    expect(late.status.details['isLagging']).toBe(true);
    late.syncFrom(net.node(0));
    net.run(2000);
    expect(late.decided).toBeGreaterThan(25);
    expect(late.status.details['isLagging']).toBe(true);
  });
});
