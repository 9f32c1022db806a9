import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeExtra, encodeExtra } from '../../../../consensus/pbft/extra.ts';
import { decodeStatement, encodeStatement, guardOf, type Statement } from '../../../../consensus/pbft/messages.ts';
import { encodeRlp, encodeUint } from '../../../../src/codec/rlp.ts';
import { fromHex } from '../../../../src/util/hex.ts';
import { CHAIN } from './net.ts';
import { certificate, commitBy, HASH, HEIGHT, OTHER } from './samples.ts';

const STATEMENTS: readonly Statement[] = [
  { kind: 'view-change', height: 1, view: 1, prepared: null },
  { kind: 'view-change', height: 9, view: 300, prepared: { view: 299, hash: HASH } },
  { kind: 'new-view', height: HEIGHT, view: 1, changes: [], certificate: null },
  {
    kind: 'new-view',
    height: HEIGHT,
    view: 5,
    changes: [0, 1, 2].map((i) => ({ ...commitBy(i), prepared: i === 1 ? { view: 4, hash: OTHER } : null })),
    certificate: certificate([0, 1, 2], { view: 4, hash: OTHER }),
  },
  { kind: 'pre-prepare', height: 1, view: 0, hash: HASH },
  { kind: 'prepare', height: 2 ** 40, view: 7, hash: HASH },
  { kind: 'commit', height: 1, view: 2 ** 40, hash: HASH },
  { kind: 'certificate', height: HEIGHT, view: 0, certificate: certificate([0, 2, 3]) },
  { kind: 'status', height: 3, view: 2, now: 1_700_000_000_000, asks: true },
];

describe('statements', () => {
  it.each(STATEMENTS)('$kind comes back as it went', (statement) => {
    expect(decodeStatement(encodeStatement(statement))).toEqual(statement);
  });

  it('nothing that is shortened, lengthened or changed in a byte decodes to the same', () => {
    for (const statement of STATEMENTS) {
      const bytes = encodeStatement(statement);
      expect(decodeStatement(bytes.subarray(0, -1))).toBeNull();
      expect(decodeStatement(Buffer.concat([bytes, Buffer.of(0)]))).toBeNull();
      for (let i = 0; i < Math.min(bytes.length, 80); i++) {
        const changed = Uint8Array.from(bytes);
        changed[i] = (changed[i] ?? 0) ^ 1;
        const decoded = decodeStatement(changed);
        if (decoded !== null) expect(encodeStatement(decoded)).toEqual(changed);
      }
    }
  });

  it('takes any bytes without throwing, and what it takes has one encoding', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        const statement = decodeStatement(bytes);
        if (statement !== null) expect(encodeStatement(statement)).toEqual(bytes);
      }),
    );
  });

  const vote = (...items: Parameters<typeof encodeRlp>[0][]) => encodeRlp(items);
  it.each([
    ['height 0', vote(encodeUint(4), encodeUint(0), encodeUint(0), fromHex(HASH))],
    ['an unknown kind', vote(encodeUint(8), encodeUint(1), encodeUint(0), fromHex(HASH))],
    ['a short hash', vote(encodeUint(4), encodeUint(1), encodeUint(0), fromHex(HASH).subarray(1))],
    ['a field too many', vote(encodeUint(4), encodeUint(1), encodeUint(0), fromHex(HASH), encodeUint(0))],
    ['leading zeros', vote(encodeUint(4), Uint8Array.of(0, 1), encodeUint(0), fromHex(HASH))],
    ['a change to view 0', vote(encodeUint(1), encodeUint(1), encodeUint(0), [])],
    ['a claim of the view itself', vote(encodeUint(1), encodeUint(1), encodeUint(2), [encodeUint(2), fromHex(HASH)])],
    ['half a claim', vote(encodeUint(1), encodeUint(1), encodeUint(2), [encodeUint(1)])],
    ['a certificate that is none', vote(encodeUint(6), encodeUint(1), [])],
    [
      'a status that neither asks nor does not',
      vote(encodeUint(7), encodeUint(1), encodeUint(0), encodeUint(1), encodeUint(2)),
    ],
  ])('refuses %s', (_, bytes) => {
    expect(decodeStatement(bytes)).toBeNull();
  });

  it('refuses signers out of order, signers twice, and signatures of another size', () => {
    const proof = certificate([0, 1, 2]);
    const [first, second] = proof.signers;
    if (first === undefined || second === undefined) throw new Error('there are three');
    for (const signers of [[second, first], [first, first], [{ ...first, signature: first.signature.subarray(1) }]]) {
      const statement = { kind: 'certificate', height: HEIGHT, view: 0, certificate: { ...proof, signers } } as const;
      expect(decodeStatement(encodeStatement(statement))).toBeNull();
    }
  });

  it('stands in places that only go forward through a view and a height', () => {
    const guards = (['view-change', 'new-view', 'pre-prepare', 'prepare', 'commit'] as const).map((kind) =>
      guardOf(
        kind === 'view-change'
          ? { kind, height: 3, view: 2, prepared: { view: 1, hash: HASH } }
          : kind === 'new-view'
            ? { kind, height: 3, view: 2, changes: [], certificate: null }
            : { kind, height: 3, view: 2, hash: HASH },
      ),
    );
    expect(guards).toEqual(
      [1, null, null, null, 2].map((lock, step) => ({ kind: 'bft', height: 3, round: 2, step, lock })),
    );
    expect(guardOf({ kind: 'view-change', height: 3, view: 2, prepared: null })).toMatchObject({ lock: -1 });
  });

  it('extra names its chain, and nothing else is extra', () => {
    expect(decodeExtra(encodeExtra(CHAIN))).toEqual(CHAIN);
    for (const bytes of [new Uint8Array(0), Uint8Array.of(0xc0), Uint8Array.of(0xc3, 1, 2, 3)]) {
      expect(decodeExtra(bytes)).toBeNull();
    }
  });
});
