import { describe, expect, it } from 'vitest';
import { makeReveal, revealDue, revealFault, withReveal } from '../../../../consensus/common/slots/reveals.ts';
import { fromHex } from '../../../../src/util/hex.ts';
import { rigAddress } from '../../../conformance/rig-parts.ts';
import { crypto, secretOf, staked } from './harness.ts';
import { familyOf, hashOf, Ledger, stateOf } from './states.ts';

const author = rigAddress(1);
const opening = hashOf('secret');
const commitment = crypto.keccak256(fromHex(opening));
const standing = stateOf({ epoch: 3, commitments: new Map([[author, { epoch: 2, hash: commitment }]]) });
const fresh = stateOf({ epoch: 3 });
const next = hashOf('commitment for later');

const fault = (state: typeof standing, epoch: number, reveal: Parameters<typeof revealFault>[3]) =>
  revealFault(state, author, epoch, reveal, crypto);

describe('a reveal', () => {
  it.each([
    ['commits the first time and opens nothing', fresh, 3, { opening: null, commitment: next }, null],
    ['must commit the first time', fresh, 3, { opening: null, commitment: null }, 'COMMITMENT_MISSING'],
    ['has nothing to open the first time', fresh, 3, { opening, commitment: next }, 'REVEAL_UNDUE'],
    ['opens what an earlier epoch promised, and commits anew', standing, 3, { opening, commitment: next }, null],
    ['must open it', standing, 3, { opening: null, commitment: next }, 'REVEAL_MISSING'],
    ['must commit anew', standing, 3, { opening, commitment: null }, 'COMMITMENT_MISSING'],
    ['opens nothing else', standing, 3, { opening: hashOf('other'), commitment: next }, 'REVEAL_WRONG'],
    ['is not the commitment itself', standing, 3, { opening: commitment, commitment: next }, 'REVEAL_WRONG'],
    ['leaves closed what was promised in the same epoch', standing, 2, { opening: null, commitment: null }, null],
    ['may not open it in the same epoch', standing, 2, { opening, commitment: null }, 'REVEAL_UNDUE'],
    ['may not replace it in the same epoch', standing, 2, { opening: null, commitment: next }, 'COMMITMENT_UNDUE'],
    ['opens it however many epochs later', standing, 900, { opening, commitment: next }, null],
  ])('%s', (_, state, epoch, reveal, expected) => {
    expect(fault(state, epoch, reveal)).toBe(expected);
  });

  it('of an author does not depend on what others have promised', () => {
    const other = rigAddress(2);
    expect(revealDue(standing, other, 3)).toEqual({ opens: false, commits: true });
    expect(revealFault(standing, other, 3, { opening, commitment: next }, crypto)).toBe('REVEAL_UNDUE');
  });
});

describe('honest authors', () => {
  const secret = secretOf(author);

  it('make what is due, in every epoch', () => {
    let state = stateOf({ epoch: 1 });
    for (const epoch of [1, 1, 2, 3, 3, 17]) {
      state = { ...state, epoch };
      const reveal = makeReveal(state, author, epoch, { secret, hasher: crypto });
      expect(fault(state, epoch, reveal)).toBeNull();
      state = withReveal(state, author, reveal, crypto);
    }
    expect(state.commitments.get(author)?.epoch).toBe(17);
  });

  it('and their twins, with the same key, make the same', () => {
    const made = makeReveal(fresh, author, 3, { secret, hasher: crypto });
    expect(makeReveal(fresh, author, 3, { secret: secretOf(author), hasher: crypto })).toEqual(made);
    const later = withReveal(fresh, author, made, crypto);
    const [one, two] = [1, 2].map(() => makeReveal(later, author, 5, { secret, hasher: crypto }));
    expect(one).toEqual(two);
    expect(one?.opening).not.toBeNull();
  });

  it('promise something else in each epoch and with each key', () => {
    const made = [3, 4, 5].map((epoch) => makeReveal(fresh, author, epoch, { secret, hasher: crypto }).commitment);
    const other = makeReveal(fresh, author, 3, { secret: secretOf(rigAddress(2)), hasher: crypto }).commitment;
    expect(new Set([...made, other]).size).toBe(4);
  });
});

describe('what is mixed in', () => {
  it('changes by openings alone', () => {
    const committed = withReveal(fresh, author, { opening: null, commitment: next }, crypto);
    expect(committed.mix).toBe(fresh.mix);
    expect(committed.commitments.get(author)).toEqual({ epoch: 3, hash: next });
    const silent = withReveal(fresh, author, { opening: null, commitment: null }, crypto);
    expect(silent).toEqual(fresh);
    const opened = withReveal(standing, author, { opening, commitment: next }, crypto);
    expect(opened.mix).not.toBe(standing.mix);
  });

  it('depends on every opening and on their order', () => {
    const open = (...names: string[]) =>
      names.reduce(
        (state, name) => withReveal(state, author, { opening: hashOf(name), commitment: next }, crypto),
        standing,
      ).mix;
    expect(new Set([open('a'), open('b'), open('a', 'b'), open('b', 'a')]).size).toBe(4);
    expect(open('a', 'b')).toBe(open('a', 'b'));
  });

  it('cannot be chosen: of all openings exactly one is let in', () => {
    const openings = [opening, ...Array.from({ length: 50 }, (_, i) => hashOf(`choice ${i}`))];
    const allowed = openings.filter((choice) => fault(standing, 3, { opening: choice, commitment: next }) === null);
    expect(allowed).toEqual([opening]);
  });

  it('is what the last epochs’ authors opened once each, along a branch', () => {
    const ledger = new Ledger(familyOf({ slotsPerEpoch: 8 }), staked(32));
    const mixes = [];
    for (let slot = 1; slot < 24; slot++) {
      ledger.block(slot);
      mixes.push(ledger.slots.mix);
    }
    // One validator makes every block, and opens once in each epoch from the second on.
    expect(new Set(mixes).size).toBe(3);
    expect(new Set(mixes.slice(0, 7)).size).toBe(1);
    expect(new Set(mixes.slice(7, 15)).size).toBe(1);
  });

  it('of those who have left is forgotten, and they promise anew when they come back', () => {
    const validators = staked(32, 32);
    const ledger = new Ledger(familyOf(), validators);
    for (const slot of [1, 2, 3]) ledger.block(slot, [], validators[slot % 2]?.address);
    expect(ledger.slots.commitments.size).toBe(2);
    ledger.state = { ...ledger.state, validators: validators.slice(0, 1) };
    ledger.block(4);
    expect([...ledger.slots.commitments.keys()]).toEqual([validators[0]?.address]);
  });
});
