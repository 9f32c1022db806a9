import { describe, expect, it } from 'vitest';
import type { BlockNode } from '../../../src/chain/block-node.ts';
import { headerHash } from '../../../src/codec/block.ts';
import type { Hash } from '../../../src/types/primitives.ts';
import { errorCode } from '../../../src/util/errors.ts';
import { Rng } from '../../../src/util/rng.ts';
import { KeyValueBlockStore } from '../../../storage/block-store.ts';
import { MemoryStore } from '../../../storage/memory.ts';
import { decide, from, grow, openRig, PAYEE, RICH, SPEC, transfer, type Rig } from './chain-rig.ts';

const BLOCKS = 9;

/** Nine blocks of a transfer each with a fork beside; finality follows two blocks behind the head. */
async function run(rig: Rig): Promise<void> {
  let parent = rig.chain.genesis.hash;
  for (let i = 0; i < BLOCKS; i++) {
    await grow(rig, parent, 1, () => ({ extra: `fork ${i}` }));
    const [node] = (await grow(rig, parent, 1, () => ({ transactions: [transfer(rig, i)] }))) as [BlockNode];
    parent = node.hash;
    const finalized = rig.chain.tree.ancestorAt(
      node,
      Math.max(rig.chain.finalized.number, node.number - 2),
    ) as BlockNode;
    await decide(rig, node.hash, finalized.hash);
  }
}

async function replay(rig: Rig): Promise<void> {
  for (const block of await rig.chain.storedAboveFinality()) {
    const outcome = await rig.chain.import(block, from('replay'));
    expect(outcome.kind).toBe('imported');
  }
}

/** The longest row of blocks with transfers above finality. */
function tip(rig: Rig): BlockNode {
  let at = rig.chain.finalized;
  for (;;) {
    const next = [...at.children].find(({ transactions }) => transactions.length > 0);
    if (next === undefined) return at;
    at = next;
  }
}

/** State is as the number of transfers says, and the trie agrees with the header. */
function checkState(rig: Rig, node: BlockNode): void {
  const state = rig.chain.stateAt(node.hash);
  expect(state.account(PAYEE)?.balance ?? 0n).toBe(BigInt(node.number));
  expect(state.account(RICH)?.nonce).toBe(node.number);
  expect(state.accountTrie().root).toBe(node.header.stateRoot);
}

async function contentOf(kv: MemoryStore): Promise<string[]> {
  const entries: string[] = [];
  for await (const [key, value] of kv.iterate({ gte: new Uint8Array(0), lt: Buffer.from([255]) })) {
    entries.push(`${Buffer.from(key).toString('hex')}=${Buffer.from(value).toString('hex')}`);
  }
  return entries;
}

describe('a chain opened again', () => {
  it('stands at its last finalized block and takes the blocks above it back', async () => {
    const kv = new MemoryStore();
    const first = await openRig({ kv });
    await run(first);
    const head = first.chain.head;
    const again = await openRig({ kv });
    expect(again.chain.finalized.hash).toBe(first.chain.finalized.hash);
    expect(again.chain.head.hash).toBe(again.chain.finalized.hash);
    expect(again.chain.finalized.executed.consensus).toEqual(first.chain.finalized.executed.consensus);
    expect(again.chain.finalized.transactions.map(({ hash }) => hash)).toEqual(
      first.chain.finalized.transactions.map(({ hash }) => hash),
    );
    checkState(again, again.chain.finalized);
    await replay(again);
    expect(again.chain.tree.size).toBe(first.chain.tree.size);
    await decide(again, head.hash, again.chain.finalized.hash);
    checkState(again, again.chain.head);
    for (let number = 0; number <= head.number; number++) {
      const hash = first.chain.canonicalHash(number) as Hash;
      expect(again.chain.canonicalHash(number)).toBe(hash);
      expect(again.chain.stateAt(hash).account(RICH)?.nonce).toBe(number);
      expect(again.chain.receipts(hash)).toEqual(first.chain.receipts(hash));
    }
    const [next] = (await grow(again, head.hash, 1, () => ({ transactions: [transfer(again, BLOCKS)] }))) as [
      BlockNode,
    ];
    await decide(again, next.hash, next.hash);
    checkState(again, next);
  });

  it('does not store replayed blocks again', async () => {
    const kv = new MemoryStore();
    await run(await openRig({ kv }));
    const before = await contentOf(kv);
    await replay(await openRig({ kv }));
    expect(await contentOf(kv)).toEqual(before);
  });
});

describe('another chain’s database', () => {
  it('is refused and left as it was', async () => {
    const kv = new MemoryStore();
    await run(await openRig({ kv, fingerprint: 'one' }));
    const before = await contentOf(kv);
    const others = [
      { ...SPEC, timeMs: 2_000 },
      { ...SPEC, chainId: 1 },
      { ...SPEC, engine: { id: 'test', params: { period: 2 } } },
      { ...SPEC, alloc: new Map([[RICH, { balance: 1n }]]) },
    ];
    for (const spec of others) {
      await expect(openRig({ kv, spec })).rejects.toMatchObject({ code: 'DATA_DIR_OTHER_GENESIS' });
    }
    await expect(openRig({ kv, fingerprint: 'two' })).rejects.toMatchObject({ code: 'DATA_DIR_OTHER_CONFIG' });
    expect(await contentOf(kv)).toEqual(before);
    await openRig({ kv, fingerprint: 'one' });
  });

  it('that is not whole is called damaged', async () => {
    const kv = new MemoryStore();
    const rig = await openRig({ kv });
    await run(rig);
    const blocks = new KeyValueBlockStore(kv);
    const pointer = blocks.finalized();
    if (pointer === undefined) throw new Error('nothing is final');
    await blocks.finalize({
      blocks: [],
      pointer: { ...pointer, stateRoot: pointer.hash },
      justification: null,
      dead: [],
      stateOps: [],
    });
    await expect(openRig({ kv })).rejects.toMatchObject({ code: 'DATA_DIR_DAMAGED' });
  });
});

describe('a crash', () => {
  /** Runs until the store dies before its `fatal`-th batch is answered; gives what the disk then holds, or null past the end. */
  async function crashAt(fatal: number, rng: Rng): Promise<{ kv: MemoryStore; acknowledged: number } | null> {
    let batches = 0;
    let content: ReturnType<MemoryStore['crash']> | null = null;
    const kv = new MemoryStore({
      latency: (done) => {
        batches += 1;
        if (batches === fatal) queueMicrotask(() => (content = kv.crash(rng)));
        else queueMicrotask(done);
      },
    });
    let acknowledged = 0;
    try {
      const rig = await openRig({ kv });
      rig.chain.onFinalized((nodes) => (acknowledged = nodes.at(-1)?.number ?? acknowledged));
      await run(rig);
    } catch (error) {
      if (errorCode(error) !== 'STORE_CLOSED') throw error;
    }
    return content === null ? null : { kv: new MemoryStore({ content }), acknowledged };
  }

  it.each([1, 2, 3])('at any batch leaves a chain at its last finalized block, whole (seed %i)', async (seed) => {
    const rng = new Rng(seed);
    let crashes = 0;
    for (let fatal = 1; ; fatal++) {
      const crashed = await crashAt(fatal, rng);
      if (crashed === null) break;
      crashes += 1;
      const rig = await openRig({ kv: crashed.kv });
      // Told is durable; one more may be, whose answer was lost.
      expect(rig.chain.finalized.number).toBeGreaterThanOrEqual(crashed.acknowledged);
      expect(rig.chain.finalized.number).toBeLessThanOrEqual(crashed.acknowledged + 1);
      checkState(rig, rig.chain.finalized);
      await replay(rig);
      const last = tip(rig);
      checkState(rig, last);
      expect(headerHash(last.header)).toBe(last.hash);
      const [next] = (await grow(rig, last.hash, 1, () => ({ transactions: [transfer(rig, last.number)] }))) as [
        BlockNode,
      ];
      await decide(rig, next.hash, next.hash);
      checkState(rig, next);
    }
    expect(crashes).toBeGreaterThan(BLOCKS * 2);
  });
});
