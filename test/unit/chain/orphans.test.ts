import { describe, expect, it } from 'vitest';
import { OrphanRoom, type Orphan } from '../../../src/chain/orphans.ts';
import type { Block } from '../../../src/types/block.ts';
import type { Hash } from '../../../src/types/primitives.ts';
import { Rng } from '../../../src/util/rng.ts';
import { from, importOk, makeBlock, openRig, type MadeBlock, type Rig } from './chain-rig.ts';

const hashOf = (n: number): Hash => `0x${n.toString(16).padStart(64, '0')}`;

function orphan(n: number, parent: number, peer = 'a', sizeBytes = 10): Orphan {
  const header = { parentHash: hashOf(parent), number: n } as Block['header'];
  const block = { header, body: { transactions: [], evidence: [], votes: [] } };
  return { hash: hashOf(n), block, sizeBytes, origin: 'gossip', justification: null, peer };
}

describe('OrphanRoom', () => {
  it('gives the children of a block once, in the order of arrival', () => {
    const room = new OrphanRoom();
    for (const item of [orphan(5, 1), orphan(3, 1), orphan(9, 2)]) room.add(item);
    expect(room.take(hashOf(1)).map(({ hash }) => hash)).toEqual([hashOf(5), hashOf(3)]);
    expect(room.take(hashOf(1))).toEqual([]);
    expect(room.count).toBe(1);
    expect(room.sizeBytes).toBe(10);
  });

  it('names the lowest ancestor that is missing', () => {
    const room = new OrphanRoom();
    for (const item of [orphan(4, 3), orphan(3, 2), orphan(2, 1)]) room.add(item);
    expect(room.missingAncestor(hashOf(4))).toBe(hashOf(1));
    expect(room.missingAncestor(hashOf(77))).toBe(hashOf(77));
  });

  it('lets a peer that brings too much lose its own', () => {
    const room = new OrphanRoom({ countMax: 10, bytesMax: 1000, countPerPeerMax: 2 });
    room.add(orphan(1, 0, 'quiet'));
    for (const n of [2, 3, 4, 5]) room.add(orphan(n, 0, 'loud'));
    expect(room.take(hashOf(0)).map(({ hash }) => Number(hash))).toEqual([1, 4, 5]);
  });

  it('stays within its bounds, at the cost of the busiest peer', () => {
    const room = new OrphanRoom({ countMax: 4, bytesMax: 60, countPerPeerMax: 4 });
    room.add(orphan(1, 0, 'quiet'));
    for (const n of [2, 3, 4, 5]) room.add(orphan(n, 0, 'loud'));
    expect(room.has(hashOf(1))).toBe(true);
    expect(room.has(hashOf(2))).toBe(false);
    expect(room.add(orphan(6, 0, 'big', 61))).toBe(false);
    expect(room.add(orphan(7, 0, 'big', 45))).toBe(false);
    expect(room.add(orphan(8, 0, 'big', 20))).toBe(true);
    expect(room.add(orphan(9, 0, 'new', 10))).toBe(true);
    expect(room.take(hashOf(0)).map(({ hash }) => Number(hash))).toEqual([1, 5, 8, 9]);
  });

  it('never exceeds its bounds and forgets nothing it keeps, over random work', () => {
    const rng = new Rng(23);
    const limits = { countMax: 20, bytesMax: 500, countPerPeerMax: 8 };
    const room = new OrphanRoom(limits);
    for (let i = 0; i < 2000; i++) {
      if (rng.chance(0.1)) room.take(hashOf(rng.between(0, 30)));
      else if (rng.chance(0.02)) room.prune(i - 200);
      else room.add(orphan(1000 + i, rng.between(0, 30), rng.pick(['a', 'b', 'c', 'd']), rng.between(1, 90)));
      expect(room.count).toBeLessThanOrEqual(limits.countMax);
      expect(room.sizeBytes).toBeLessThanOrEqual(limits.bytesMax);
    }
    let left = room.count;
    for (let parent = 0; parent <= 30; parent++) left -= room.take(hashOf(parent)).length;
    expect(left).toBe(0);
    expect(room.count).toBe(0);
    expect(room.sizeBytes).toBe(0);
  });
});

describe('orphans of a chain', () => {
  async function row(count: number): Promise<{ rig: Rig; blocks: MadeBlock[] }> {
    const source = await openRig();
    const blocks: MadeBlock[] = [];
    let parent = source.chain.genesis.hash;
    for (let i = 0; i < count; i++) {
      const made = await makeBlock(source, parent);
      await importOk(source, made.block);
      blocks.push(made);
      parent = made.hash;
    }
    return { rig: await openRig(), blocks };
  }

  /** As the host does it: a block, then whoever waited for it, parents first. */
  async function accept(rig: Rig, block: Block): Promise<Hash[]> {
    const imported: Hash[] = [];
    const outcome = await rig.chain.import(block, from('gossip'));
    if (outcome.kind === 'imported') imported.push(outcome.hash);
    for (const hash of imported) {
      for (const waiting of rig.chain.takeOrphans(hash)) {
        const next = await rig.chain.import(waiting.block, { ...waiting, now: 0 });
        if (next.kind === 'imported') imported.push(next.hash);
      }
    }
    return imported;
  }

  it.each([1, 2, 3, 4, 5, 6])('come in parents first, whatever the order of arrival (%i)', async (seed) => {
    const { rig, blocks } = await row(8);
    const told: Hash[] = [];
    for (const { block } of new Rng(seed).shuffle(blocks)) told.push(...(await accept(rig, block)));
    expect(told).toEqual(blocks.map(({ hash }) => hash));
  });

  it('name what to fetch: the lowest block that is missing', async () => {
    const { rig, blocks } = await row(4);
    const [one, two, three, four] = blocks as [MadeBlock, MadeBlock, MadeBlock, MadeBlock];
    expect(await rig.chain.import(three.block, from('gossip'))).toEqual({
      kind: 'orphan',
      hash: three.hash,
      missing: two.hash,
    });
    expect(await rig.chain.import(four.block, from('gossip'))).toEqual({
      kind: 'orphan',
      hash: four.hash,
      missing: two.hash,
    });
    expect(await rig.chain.import(two.block, from('gossip'))).toEqual({
      kind: 'orphan',
      hash: two.hash,
      missing: one.hash,
    });
    expect(await accept(rig, one.block)).toEqual(blocks.map(({ hash }) => hash));
  });

  it('can not be kept out by the same header over another body', async () => {
    const { rig, blocks } = await row(2);
    const [one, two] = blocks as [MadeBlock, MadeBlock];
    const forged = { ...two.block, body: { ...two.block.body, transactions: [Buffer.from([1])] } };
    expect((await rig.chain.import(forged, from('gossip'))).kind).toBe('orphan');
    await rig.chain.import(two.block, from('gossip'));
    expect(await accept(rig, one.block)).toEqual([one.hash, two.hash]);
  });

  it('far above the head are not kept', async () => {
    const { blocks } = await row(5);
    const rig = await openRig({ limits: { orphanDistanceMax: 3 } });
    const [one, two, , four, five] = blocks as [MadeBlock, MadeBlock, MadeBlock, MadeBlock, MadeBlock];
    await rig.chain.import(five.block, from('gossip'));
    await rig.chain.import(four.block, from('gossip'));
    expect(rig.chain.takeOrphans(four.hash)).toEqual([]);
    expect(await accept(rig, two.block)).toEqual([]);
    expect(await accept(rig, one.block)).toEqual([one.hash, two.hash]);
  });
});
