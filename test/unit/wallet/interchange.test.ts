import fc from 'fast-check';
import { getPublicKey } from '@noble/secp256k1';
import { describe, expect, it } from 'vitest';
import { toChecksumAddress } from '../../../src/crypto/checksum.ts';
import { errorCode } from '../../../src/util/errors.ts';
import { toHex } from '../../../src/util/hex.ts';
import {
  decodeInterchange,
  encodeInterchange,
  INTERCHANGE_ENTRIES_MAX,
  INTERCHANGE_SIZE_BYTES_MAX,
  type Interchange,
} from '../../../src/wallet/interchange.ts';
import { exportProtection, importProtection } from '../../../src/wallet/slashing-protection.ts';
import { address, ffg, GENESIS, key, root, signer, signs, slot } from './fixture.ts';
import { MapStore } from './map-store.ts';

const expected = { genesisHash: GENESIS };
const SAMPLE: Interchange = {
  genesisHash: GENESIS,
  validators: [
    {
      address: address(0),
      blocks: [
        { source: 0, target: 81951, root: null },
        { source: 0, target: 81952, root: root(1) },
      ],
      votes: [
        { source: 2290, target: 3007, root: root(2) },
        { source: 2290, target: 3008, root: null },
      ],
    },
    { address: address(1), blocks: [], votes: [] },
  ],
};

type Json = { [name: string]: unknown };
type File = { metadata: Json; data: (Json & { signed_blocks: Json[]; signed_attestations: Json[] })[] };
const file = (): File => JSON.parse(encodeInterchange(SAMPLE)) as File;
const decode = (value: unknown): Interchange => decodeInterchange(JSON.stringify(value), expected);

describe('the interchange format', () => {
  it('has the fields of EIP-3076, with integers as text', () => {
    expect(file()).toEqual({
      metadata: { interchange_format_version: '5', genesis_validators_root: GENESIS },
      data: [
        {
          pubkey: address(0),
          signed_blocks: [{ slot: '81951' }, { slot: '81952', signing_root: root(1) }],
          signed_attestations: [
            { source_epoch: '2290', target_epoch: '3007', signing_root: root(2) },
            { source_epoch: '2290', target_epoch: '3008' },
          ],
        },
        { pubkey: address(1), signed_blocks: [], signed_attestations: [] },
      ],
    });
    expect(decode(file())).toEqual(SAMPLE);
  });

  it('names a validator by its address in any spelling, or by its compressed key, and joins them', () => {
    const spellings = [
      address(0),
      toChecksumAddress(address(0)),
      `0x${address(0).slice(2).toUpperCase()}`,
      toHex(getPublicKey(key(0), true)),
    ];
    const data = spellings.map((pubkey, i) => ({
      pubkey,
      signed_blocks: [{ slot: String(i) }],
      signed_attestations: [],
    }));
    const { validators } = decode({ ...file(), data });
    expect(validators).toHaveLength(1);
    expect(validators[0]).toMatchObject({ address: address(0), blocks: [0, 1, 2, 3].map((target) => ({ target })) });
  });

  it('passes over fields it does not know', () => {
    const value = file();
    value.metadata['note'] = 1;
    Object.assign(value.data[0] ?? {}, { name: 'x' });
    expect(decode(value)).toEqual(SAMPLE);
  });

  it.each<readonly [string, string, (value: File) => unknown]>([
    ['a list', '', () => []],
    ['no metadata', 'metadata', ({ data }) => ({ data })],
    ['no data', 'data', ({ metadata }) => ({ metadata })],
    ['data that are no list', 'data', (f) => ({ ...f, data: {} })],
    [
      'a version that is a number',
      'metadata.interchange_format_version',
      (f) => set(f.metadata, 'interchange_format_version', 5),
    ],
    ['no genesis', 'metadata.genesis_validators_root', (f) => set(f.metadata, 'genesis_validators_root', undefined)],
    ['a short genesis', 'metadata.genesis_validators_root', (f) => set(f.metadata, 'genesis_validators_root', '0x11')],
    ['an entry that is none', 'data[1]', (f) => set(f.data, 1, null)],
    ['no key', 'data[0].pubkey', (f) => set(f.data[0], 'pubkey', undefined)],
    ['a BLS key', 'data[0].pubkey', (f) => set(f.data[0], 'pubkey', `0x${'a9'.repeat(48)}`)],
    ['a key off the curve', 'data[0].pubkey', (f) => set(f.data[0], 'pubkey', `0x02${'ff'.repeat(32)}`)],
    [
      'an address with a wrong checksum',
      'data[0].pubkey',
      (f) => set(f.data[0], 'pubkey', swapCase(toChecksumAddress(address(0)))),
    ],
    ['a misspelt list', 'data[0].signed_blocks', (f) => set(f.data[0], 'signed_blocks', undefined)],
    ['a block that is none', 'data[0].signed_blocks[1]', (f) => set(f.data[0]?.signed_blocks, 1, '7')],
    ['a slot that is a number', 'data[0].signed_blocks[0].slot', (f) => set(f.data[0]?.signed_blocks[0], 'slot', 7)],
    ['a negative slot', 'data[0].signed_blocks[0].slot', (f) => set(f.data[0]?.signed_blocks[0], 'slot', '-7')],
    ['a slot in hex', 'data[0].signed_blocks[0].slot', (f) => set(f.data[0]?.signed_blocks[0], 'slot', '0x7')],
    [
      'a slot with a zero before it',
      'data[0].signed_blocks[0].slot',
      (f) => set(f.data[0]?.signed_blocks[0], 'slot', '07'),
    ],
    ['an empty slot', 'data[0].signed_blocks[0].slot', (f) => set(f.data[0]?.signed_blocks[0], 'slot', '')],
    [
      'a slot past exact numbers',
      'data[0].signed_blocks[0].slot',
      (f) => set(f.data[0]?.signed_blocks[0], 'slot', '9007199254740992'),
    ],
    [
      'a root of null',
      'data[0].signed_blocks[1].signing_root',
      (f) => set(f.data[0]?.signed_blocks[1], 'signing_root', null),
    ],
    [
      'half a root',
      'data[0].signed_blocks[1].signing_root',
      (f) => set(f.data[0]?.signed_blocks[1], 'signing_root', '0x00'),
    ],
    [
      'no source',
      'data[0].signed_attestations[0].source_epoch',
      (f) => set(f.data[0]?.signed_attestations[0], 'source_epoch', undefined),
    ],
    [
      'no target',
      'data[0].signed_attestations[1].target_epoch',
      (f) => set(f.data[0]?.signed_attestations[1], 'target_epoch', undefined),
    ],
  ])('refuses %s and names the place', (_, path, change) => {
    const value = file();
    const changed = change(value);
    expect(() => decode(changed ?? value)).toThrow(
      expect.objectContaining({
        code: 'INTERCHANGE_MALFORMED',
        data: expect.objectContaining({ path }) as unknown,
      }) as Error,
    );
  });

  it('refuses other versions, other networks and what is too large', () => {
    const old = file();
    old.metadata['interchange_format_version'] = '4';
    expect(() => decode(old)).toThrow(expect.objectContaining({ code: 'INTERCHANGE_VERSION' }) as Error);
    expect(() => decodeInterchange(encodeInterchange(SAMPLE), { genesisHash: root(1) })).toThrow(
      expect.objectContaining({
        code: 'INTERCHANGE_OTHER_NETWORK',
        data: { found: GENESIS, expected: root(1) },
      }) as Error,
    );
    const tooLarge = expect.objectContaining({ code: 'INTERCHANGE_TOO_LARGE' }) as Error;
    expect(() => decodeInterchange(' '.repeat(INTERCHANGE_SIZE_BYTES_MAX + 1), expected)).toThrow(tooLarge);
    const many = file();
    if (many.data[0] !== undefined)
      many.data[0].signed_blocks = Array.from({ length: INTERCHANGE_ENTRIES_MAX }, () => ({ slot: '1' }));
    expect(() => decode(many)).toThrow(tooLarge);
  });

  it('does not repeat what a file holds that is no interchange', () => {
    expect(() => decodeInterchange('{"secret": hunter2', expected)).toThrow(/is damaged: it is not JSON$/);
  });

  it('reads what it wrote, and of anything else says what is wrong', () => {
    const text = encodeInterchange(SAMPLE);
    const damaged = fc
      .tuple(fc.nat(text.length - 1), fc.string({ maxLength: 3 }), fc.nat(20))
      .map(([at, put, cut]) => text.slice(0, at) + put + text.slice(at + cut));
    fc.assert(
      fc.property(fc.oneof(damaged, fc.json(), fc.string()), (input) => {
        try {
          const read = decodeInterchange(input, expected);
          expect(decodeInterchange(encodeInterchange(read), expected)).toEqual(read);
        } catch (error) {
          expect(errorCode(error)).toMatch(/^INTERCHANGE_/);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('an import', () => {
  const votesOf = (...votes: readonly (readonly [number, number, number?])[]): Interchange => ({
    genesisHash: GENESIS,
    validators: [
      {
        address: address(0),
        blocks: [],
        votes: votes.map(([source, target, digest]) => ({
          source,
          target,
          root: digest === undefined ? null : root(digest),
        })),
      },
    ],
  });
  const refusing = { acceptConflicts: false };

  it('is one batch, and the same again changes nothing', async () => {
    const store = new MapStore();
    await importProtection(store, SAMPLE, refusing);
    expect(store.batches).toHaveLength(1);
    await importProtection(store, SAMPLE, refusing);
    expect(store.batches).toHaveLength(1);
    const options = { genesisHash: GENESIS, address: null, strategy: 'complete' } as const;
    const { interchange } = await exportProtection(store, options);
    expect(interchange.validators).toEqual(SAMPLE.validators.slice(0, 1));
  });

  it('never lowers what the store knows', async () => {
    const store = new MapStore();
    await signer(store, 'complete').sign(root(1), ffg(10, 20));
    await importProtection(store, votesOf([3, 4], [4, 5]), refusing);
    for (const strategy of ['complete', 'minimal'] as const) {
      expect(await signs(signer(store, strategy), root(2), ffg(5, 6))).toBe(false);
      expect(await signs(signer(store, strategy), root(2), ffg(9, 21))).toBe(false);
      expect(await signs(signer(store, strategy), root(1), ffg(10, 20))).toBe(true);
    }
  });

  it.each<readonly [string, Interchange]>([
    ['another vote for a target', votesOf([10, 20, 9])],
    ['a vote for a target, of another source and without a root', votesOf([9, 20])],
    ['a vote around one', votesOf([1, 2], [9, 21, 9])],
    ['a vote inside one', votesOf([11, 12, 9])],
  ])('of %s is refused whole; accepted, it leaves only what lies above both', async (_, interchange) => {
    const store = new MapStore();
    await signer(store, 'complete').sign(root(1), ffg(10, 20));
    await signer(store, 'complete').sign(root(1), slot(3));
    const before = store.content();
    const both = { ...interchange, validators: [...interchange.validators, ...SAMPLE.validators.slice(1)] };
    await expect(importProtection(store, both, refusing)).rejects.toMatchObject({
      code: 'INTERCHANGE_CONTRADICTS',
      data: { address: address(0), track: 'votes', count: 1 },
    });
    expect(store.content()).toEqual(before);
    expect(await importProtection(store, both, { acceptConflicts: true })).toHaveLength(1);
    const bound = { source: 11, target: 21 };
    for (const strategy of ['complete', 'minimal'] as const) {
      expect(await signs(signer(store, strategy), root(2), ffg(9, bound.target + 1))).toBe(false);
      expect(await signs(signer(store, strategy), root(2), ffg(10, 20))).toBe(false);
      expect(await signs(signer(store, strategy), root(2), ffg(bound.source, bound.target + 1))).toBe(true);
    }
    await signer(store, 'complete').sign(root(2), slot(4));
  });

  it('of what is known without its root contradicts nothing, and is not signed again', async () => {
    for (const strategy of ['complete', 'minimal'] as const) {
      for (const votes of [votesOf([10, 20]), votesOf([10, 20, 1], [10, 20])]) {
        const store = new MapStore();
        await signer(store, strategy).sign(root(1), ffg(10, 20));
        expect(await importProtection(store, votes, refusing)).toEqual([]);
        for (const digest of [1, 2])
          expect(await signs(signer(store, strategy), root(digest), ffg(10, 20))).toBe(false);
        expect(await signs(signer(store, strategy), root(2), ffg(10, 21))).toBe(true);
      }
    }
  });

  it('from beyond all time is refused unless it is wanted', async () => {
    const store = new MapStore();
    await signer(store, 'complete').sign(root(1), ffg(10, 20));
    const before = store.content();
    const far = 20 + 2 ** 32;
    await expect(importProtection(store, votesOf([11, far + 1]), refusing)).rejects.toMatchObject({
      code: 'INTERCHANGE_FAR',
      message: expect.stringContaining('--accept-conflicts') as string,
      data: { address: address(0), track: 'votes', source: 11, target: far + 1 },
    });
    expect(store.content()).toEqual(before);
    await importProtection(store, votesOf([11, far]), refusing);
    await importProtection(new MapStore(), votesOf([11, far + 1]), { acceptConflicts: true });
  });

  it('is not lured below what the exporting side does not know itself', async () => {
    const [store, restored] = [new MapStore(), new MapStore()];
    await signer(store, 'complete').sign(root(1), slot(1));
    // Of these two the minimal strategy remembers the last.
    for (const height of [5, 9]) await signer(store, 'minimal').sign(root(height), slot(height));
    await signer(store, 'complete').sign(root(1), slot(20));
    const options = { genesisHash: GENESIS, address: null, strategy: 'complete' } as const;
    const { interchange } = await exportProtection(store, options);
    expect(interchange.validators[0]?.blocks.map(({ target }) => target)).toEqual([9, 20]);
    await importProtection(restored, interchange, refusing);
    expect(await signs(signer(restored, 'complete'), root(2), slot(5))).toBe(false);
    expect(await signs(signer(restored, 'complete'), root(2), slot(15))).toBe(true);
  });

  it('says what stays behind, and tells only of the network and the key asked for', async () => {
    const store = new MapStore();
    await signer(store, 'minimal', 0).sign(root(1), ffg(1, 2));
    await signer(store, 'minimal', 1).sign(root(1), ffg(1, 2));
    await signer(store, 'minimal', 1).sign(root(1), { kind: 'once', domain: 'seal', height: 1, round: 0, step: 0 });
    await signer(store, 'minimal', 2).sign(root(1), { kind: 'bft', height: 1, round: 0, step: 0, lock: null });
    const tell = async (of: 0 | 1 | 2 | null): Promise<readonly [number, number]> => {
      const options = {
        genesisHash: GENESIS,
        address: of === null ? null : address(of),
        strategy: 'complete',
      } as const;
      const { interchange, otherRecords } = await exportProtection(store, options);
      return [interchange.validators.length, otherRecords];
    };
    expect(await tell(null)).toEqual([2, 2]);
    expect(await tell(0)).toEqual([1, 0]);
    expect(await tell(2)).toEqual([0, 1]);
    const elsewhere = { genesisHash: root(1), address: null, strategy: 'complete' } as const;
    expect((await exportProtection(store, elsewhere)).interchange.validators).toEqual([]);
  });
});

function set(target: unknown, name: string | number, value: unknown): undefined {
  (target as { [name: string | number]: unknown })[name] = value;
}

function swapCase(text: string): string {
  return text.replace(/[a-f]/i, (letter) =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
  );
}
