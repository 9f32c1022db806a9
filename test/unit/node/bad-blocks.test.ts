import { describe, expect, it } from 'vitest';
import type { Chain } from '../../../src/chain/chain.ts';
import { encodeBlock, headerHash } from '../../../src/codec/block.ts';
import { BAD_BLOCKS_MAX, BAD_BLOCKS_WEIGHT_MAX, BadBlocks } from '../../../src/node/bad-blocks.ts';
import { BlockIntake, type Delivery } from '../../../src/node/block-intake.ts';
import type { Block } from '../../../src/types/block.ts';
import { toHex } from '../../../src/util/hex.ts';
import { silentLog } from '../../../src/util/log.ts';
import { chainOf } from './chain-of.ts';
import { GENESIS } from './sync-rig.ts';

const blocks = chainOf(GENESIS, 40).map(({ block }) => block);
const block = (index: number): Block => {
  const found = blocks[index];
  if (found === undefined) throw new RangeError(`no block ${index}`);
  return found;
};
const withBody = (of: Block, transactions: readonly Uint8Array[]): Block => ({
  ...of,
  body: { ...of.body, transactions },
});
const numbers = (bad: BadBlocks): readonly number[] => bad.list().map(({ block: { header } }) => header.number);

describe('blocks that were refused', () => {
  it('are kept as they came, once each, the newest first', () => {
    const bad = new BadBlocks();
    for (const index of [0, 1, 0, 2]) bad.add(block(index), 'BLOCK_SEAL', false);
    expect(numbers(bad)).toEqual([3, 2, 1]);
    const [newest] = bad.list();
    expect(newest?.hash).toBe(headerHash(block(2).header));
    expect(toHex(newest?.encoded ?? new Uint8Array(0))).toBe(toHex(encodeBlock(block(2))));
    expect(newest?.block.header).toEqual(block(2).header);
  });

  it(`are the last ${BAD_BLOCKS_MAX}; those that had to be executed stay longest`, () => {
    const bad = new BadBlocks();
    bad.add(block(0), 'BLOCK_STATE_ROOT', true);
    for (let index = 1; index < 30; index++) bad.add(block(index), 'BLOCK_SEAL', false);
    expect(numbers(bad)).toEqual([...Array.from({ length: BAD_BLOCKS_MAX - 1 }, (_, i) => 30 - i), 1]);
    const executed = new BadBlocks();
    for (let index = 0; index < 20; index++) executed.add(block(index), 'BLOCK_STATE_ROOT', true);
    expect(numbers(executed)).toEqual(Array.from({ length: BAD_BLOCKS_MAX }, (_, i) => 20 - i));
  });

  it('have a bound in bytes, however they are made up', () => {
    const bad = new BadBlocks();
    const weight = (): number =>
      JSON.stringify(bad.list().map(({ encoded, block: { body } }) => [toHex(encoded), body.transactions.map(toHex)]))
        .length;
    const large = Array.from({ length: 15 }, () => new Uint8Array(128 * 1024).fill(1));
    for (let index = 0; index < 10; index++) bad.add(withBody(block(index), large), 'BLOCK_STATE_ROOT', true);
    expect(bad.list().length).toBeGreaterThan(2);
    expect(weight()).toBeLessThan(2 * BAD_BLOCKS_WEIGHT_MAX);
    const many = Array.from({ length: 30_000 }, () => new Uint8Array([1]));
    for (let index = 10; index < 40; index++) bad.add(withBody(block(index), many), 'BLOCK_STATE_ROOT', true);
    const hashes = bad.list().reduce((sum, { block: { body } }) => sum + body.transactions.length, 0);
    expect(hashes * 72).toBeLessThan(BAD_BLOCKS_WEIGHT_MAX);
  });

  it('are not those whose body was exchanged: their hash is innocent', () => {
    const bad = new BadBlocks();
    bad.add(block(0), 'BLOCK_TRANSACTIONS_ROOT', false);
    bad.add(block(1), 'BLOCK_CONSENSUS_ROOT', false);
    expect(bad.list()).toEqual([]);
  });
});

describe('the intake', () => {
  type Outcome = Awaited<ReturnType<Chain['import']>>;
  const hash = headerHash(block(0).header);
  const invalid = { kind: 'invalid', hash, code: 'BLOCK_STATE_ROOT', blame: false, acceptedAuthor: null } as const;

  async function keptAfter(outcome: Outcome, delivery: Partial<Delivery> = {}): Promise<number> {
    const badBlocks = new BadBlocks();
    const chain: Partial<Chain> = { import: async () => outcome };
    const intake = new BlockIntake({
      chain: chain as Chain,
      network: { blame: () => {} } as never,
      clock: { now: () => 0 },
      timers: { after: () => ({ cancel: () => {} }) },
      log: silentLog,
      post: () => {},
      missing: () => {},
      badBlocks,
    });
    await intake.accept(block(0), { origin: 'gossip', justification: null, peer: 'p', ...delivery });
    return badBlocks.list().length;
  }

  it('keeps what is invalid of peers, and nothing else', async () => {
    expect(await keptAfter(invalid)).toBe(1);
    expect(await keptAfter({ ...invalid, blame: true }, { origin: 'sync' })).toBe(1);
    expect(await keptAfter(invalid, { origin: 'own', peer: null })).toBe(0);
    expect(await keptAfter({ kind: 'orphan', hash, missing: hash })).toBe(0);
    expect(await keptAfter({ kind: 'later', hash, code: 'AHEAD', retryAt: 5 })).toBe(0);
    expect(await keptAfter({ kind: 'stale', hash })).toBe(0);
    expect(await keptAfter({ kind: 'unwanted', hash, code: 'X' })).toBe(0);
  });
});
