import { describe, expect, it } from 'vitest';
import vectors from '../../../vectors/eip-225.json' with { type: 'json' };
import { childBlock, encodeAnchor, rootBlock, type PoaBlock } from '../../../../consensus/poa/branch.ts';
import { advanceVotes } from '../../../../consensus/poa/votes.ts';
import type { Verdict } from '../../../../consensus/api/verdict.ts';
import type { Address } from '../../../../src/types/primitives.ts';
import { authority, Harness, type MadeBlock } from './harness.ts';

const addressOf = (label: string): Address => authority(label.charCodeAt(0) - 65);
const labelOf = (address: Address): string => String.fromCharCode(64 + Number.parseInt(address.slice(2, 4), 16));
const codes: { readonly [failure: string]: string } = {
  errUnauthorizedSigner: 'AUTHOR_UNAUTHORIZED',
  errRecentlySigned: 'AUTHOR_RECENT',
};

type Case = (typeof vectors.cases)[number];

/** Runs a case through the engine's header check and voting; `restart` loses all but what an anchor keeps, each time. */
function run(test: Case, restart: boolean): { labels: string; verdict: Verdict } {
  const options = { authorities: test.authorities.map(addressOf), params: { epochBlocks: test.epochBlocks ?? 30_000 } };
  let harness = new Harness(options).start();
  let parent: MadeBlock = harness.genesis;
  let kept: PoaBlock = rootBlock(startOf(parent, null), harness.params);
  for (const text of test.blocks) {
    const [signer, subject] = [text.charAt(0), text.charAt(2)];
    const vote = subject === '' ? null : { subject: addressOf(subject), authorize: text.charAt(1) === '+' };
    const block = harness.make(parent, addressOf(signer), { vote });
    harness.now = block.header.timeMs;
    const verdict = harness.check(block, parent);
    if (verdict.kind !== 'accept') return { labels: '', verdict };
    harness.import(block);
    kept = childBlock(kept, block, harness.params);
    parent = block;
    if (!restart) continue;
    const anchor = encodeAnchor(kept);
    harness = new Harness(options);
    harness.step({ type: 'start', ...startOf(parent, anchor) });
    harness.step({ type: 'ready' });
    kept = rootBlock(startOf(parent, anchor), harness.params);
  }
  return {
    labels: parent.state.validators.map(({ address }) => labelOf(address)).join(''),
    verdict: { kind: 'accept' },
  };
}

function startOf(block: MadeBlock, anchor: Uint8Array | null): Parameters<typeof rootBlock>[0] {
  return { finalized: block.header, finalizedHash: block.hash, state: block.state, anchor };
}

describe('EIP-225 test cases', () => {
  for (const restart of [false, true]) {
    describe(restart ? 'restarted from its anchor after every block' : 'in one run', () => {
      it.each(vectors.cases)('$name', (test) => {
        const { labels, verdict } = run(test, restart);
        if (test.failure === undefined) {
          expect(verdict).toEqual({ kind: 'accept' });
          expect(labels).toBe(test.result?.join(''));
        } else {
          expect(verdict).toEqual({ kind: 'reject', code: codes[test.failure] });
        }
      });
    });
  }
});

describe('advanceVotes', () => {
  const [a, b, c] = [authority(0), authority(1), authority(2)];
  const state = {
    validators: [a, b, c].map((address) => ({ address, power: 1n, jailed: false })),
    votes: [],
  };

  it('keeps validators sorted by address', () => {
    const [low, high] = [authority(5), authority(6)];
    const two = { validators: [{ address: high, power: 1n, jailed: false }], votes: [] };
    const after = advanceVotes(two, { number: 1, author: high, vote: { subject: low, authorize: true } }, 100);
    expect(after.validators.map(({ address }) => address)).toEqual([low, high]);
  });

  it('does not change what it was given', () => {
    const before = structuredClone(state);
    advanceVotes(state, { number: 1, author: a, vote: { subject: c, authorize: false } }, 100);
    expect(state).toEqual(before);
  });

  it('counts neither jailed authorities nor their votes', () => {
    const jailed = {
      validators: state.validators.map((v) => ({ ...v, jailed: v.address === c })),
      votes: [{ voter: c, subject: b, authorize: false }],
    };
    // Two are left, so two votes are needed, and the jailed one's is none of them.
    const first = advanceVotes(jailed, { number: 1, author: a, vote: { subject: b, authorize: false } }, 100);
    expect(first.validators).toHaveLength(3);
    const second = advanceVotes(first, { number: 2, author: b, vote: { subject: b, authorize: false } }, 100);
    expect(second.validators.map(({ address }) => address)).toEqual([a, c]);
  });

  it('drops all standing votes in an epoch block, and takes none there', () => {
    const voted = advanceVotes(state, { number: 99, author: a, vote: { subject: c, authorize: false } }, 100);
    expect(voted.votes).toHaveLength(1);
    const after = advanceVotes(voted, { number: 100, author: b, vote: { subject: c, authorize: false } }, 100);
    expect(after.votes).toEqual([]);
    expect(after.validators).toHaveLength(3);
  });
});
