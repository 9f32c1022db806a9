import { describe, expect, it } from 'vitest';
import { EVIDENCE_PER_OFFENDER_MAX, EVIDENCE_POOL_MAX, EvidencePool } from '../../../src/node/evidence-pool.ts';
import type { Evidence, Offence } from '../../../src/types/evidence.ts';
import type { Address } from '../../../src/types/primitives.ts';

const who = (n: number): Address => `0x${n.toString(16).padStart(40, '0')}`;
const piece = (offender: number, mark = 0): Evidence => ({
  kind: 'messages',
  offender: who(offender),
  first: Uint8Array.of(1, mark),
  second: Uint8Array.of(2, mark),
});

const offenceOf = ({ offender }: Evidence): Offence => ({ offender, code: 'TEST', height: 1 });
const poolOf = (isPunishable: (offence: Offence) => boolean): EvidencePool =>
  new EvidencePool({ judge: offenceOf, isPunishable });

describe('the pool of evidence', () => {
  it('tells what proves nothing from what is of no use, and judges nothing twice', () => {
    const judged: Evidence[] = [];
    const judge = (item: Evidence): Offence | null => {
      judged.push(item);
      return item.offender === who(9) ? null : offenceOf(item);
    };
    const pool = new EvidencePool({ judge, isPunishable: ({ offender }) => offender === who(1) });
    expect([piece(9), piece(2), piece(1), piece(1)].map((item) => pool.add(item))).toEqual([
      'false',
      'useless',
      'taken',
      'useless',
    ]);
    pool.prune(() => true);
    expect(judged).toHaveLength(3);
  });

  it('takes nothing that nobody could be punished for, however much of it comes', () => {
    const pool = poolOf(({ offender }) => offender === who(1));
    for (let n = 2; n < 1000; n++) expect(pool.add(piece(n))).toBe('useless');
    expect(pool.add(piece(1))).toBe('taken');
    expect(pool.waiting()).toEqual([piece(1)]);
  });

  it('takes each piece once, a few of one offender, and no more than it has room for', () => {
    const pool = poolOf(() => true);
    expect([pool.add(piece(1)), pool.add(piece(1))]).toEqual(['taken', 'useless']);
    for (let mark = 1; mark < 20; mark++) pool.add(piece(1, mark));
    expect(pool.waiting()).toHaveLength(EVIDENCE_PER_OFFENDER_MAX);
    for (let n = 2; n < 1000; n++) pool.add(piece(n));
    expect(pool.waiting()).toHaveLength(EVIDENCE_POOL_MAX);
  });

  it('keeps what a branch has punished until that is final, and lets it go then', () => {
    const punishedAtHead = new Set<Address>();
    const pool = poolOf(({ offender }) => !punishedAtHead.has(offender));
    pool.add(piece(1));
    punishedAtHead.add(who(1));
    pool.prune(() => true);
    expect(pool.waiting()).toEqual([piece(1)]);
    pool.prune(() => false);
    expect(pool.waiting()).toEqual([]);
    // Found again, it is of no use.
    expect(pool.add(piece(1))).toBe('useless');
  });

  it('keeps what only the head knows of', () => {
    const pool = poolOf(() => true);
    pool.add(piece(1));
    pool.prune(() => false);
    expect(pool.waiting()).toEqual([piece(1)]);
  });
});
