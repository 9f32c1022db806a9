import { describe, expect, it } from 'vitest';
import type { BlockNode } from '../../../src/chain/block-node.ts';
import { headerHash } from '../../../src/codec/block.ts';
import type { BatchOp } from '../../../src/ports/kv.ts';
import { ZERO_HASH, type Hash } from '../../../src/types/primitives.ts';
import { KeyValueBlockStore } from '../../../storage/block-store.ts';
import { MemoryStore } from '../../../storage/memory.ts';
import { decide, from, grow, importOk, makeBlock, openRig, PAYEE, RICH, transfer, type Rig } from './chain-rig.ts';

const hashesOf = (nodes: readonly BlockNode[]): Hash[] => nodes.map(({ hash }) => hash);

/** genesis - a1 - a2 - a3 and genesis - b1 - b2 (a transfer in a1, a2 and b1). */
async function forked(): Promise<{ rig: Rig; a: BlockNode[]; b: BlockNode[] }> {
  const rig = await openRig();
  const genesis = rig.chain.genesis.hash;
  const a = await grow(rig, genesis, 3, (i) => (i < 2 ? { transactions: [transfer(rig, i)] } : {}));
  const b = await grow(rig, genesis, 2, (i) => ({ extra: 'b', transactions: i === 0 ? [transfer(rig, 0)] : [] }));
  return { rig, a, b };
}

type Told = { readonly added: Hash[]; readonly removed: Hash[] } | { readonly finalized: Hash[] };

function listen(rig: Rig): Told[] {
  const told: Told[] = [];
  rig.chain.onHead(({ added, removed }) => told.push({ added: hashesOf(added), removed: hashesOf(removed) }));
  rig.chain.onFinalized((nodes) => told.push({ finalized: hashesOf(nodes) }));
  return told;
}

const at = (nodes: readonly BlockNode[], index: number): BlockNode => nodes[index] as BlockNode;

describe('the head', () => {
  it('moves forward, over to a fork and back, and tells what came and went', async () => {
    const { rig, a, b } = await forked();
    const genesis = rig.chain.genesis.hash;
    const told = listen(rig);
    await decide(rig, at(a, 2).hash, genesis);
    await decide(rig, at(b, 1).hash, genesis);
    await decide(rig, at(a, 1).hash, genesis);
    await decide(rig, at(a, 0).hash, genesis);
    await decide(rig, at(a, 0).hash, genesis);
    expect(told).toEqual([
      { added: hashesOf(a), removed: [] },
      { added: hashesOf(b), removed: hashesOf(a).reverse() },
      { added: hashesOf(a.slice(0, 2)), removed: hashesOf(b).reverse() },
      { added: [], removed: [at(a, 1).hash] },
    ]);
    expect(rig.chain.head).toBe(at(a, 0));
  });

  it('takes balances, receipts and places of transactions with it', async () => {
    const { rig, a, b } = await forked();
    const genesis = rig.chain.genesis.hash;
    const [first, second] = [at(a, 0).transactions[0], at(a, 1).transactions[0]];
    await decide(rig, at(a, 2).hash, genesis);
    expect(rig.chain.stateAt(rig.chain.head.hash).account(PAYEE)?.balance).toBe(2n);
    expect(rig.chain.transactionLocation(first?.hash ?? '0x')).toEqual({ blockHash: at(a, 0).hash, index: 0 });
    await decide(rig, at(b, 1).hash, genesis);
    expect(rig.chain.stateAt(rig.chain.head.hash).account(PAYEE)?.balance).toBe(1n);
    expect(rig.chain.transactionLocation(first?.hash ?? '0x')).toEqual({ blockHash: at(b, 0).hash, index: 0 });
    expect(rig.chain.transactionLocation(second?.hash ?? '0x')).toBeUndefined();
    expect(rig.chain.canonicalHash(1)).toBe(at(b, 0).hash);
    expect(rig.chain.canonicalHash(3)).toBeUndefined();
    expect(rig.chain.isCanonical(at(a, 0).hash)).toBe(false);
    expect(rig.chain.receipts(at(a, 0).hash)).toHaveLength(1);
  });
});

describe('finality', () => {
  it('is durable before it is told, told after the head, and ends the other forks', async () => {
    const kv = new MemoryStore();
    const rig = await openRig({ kv });
    const genesis = rig.chain.genesis.hash;
    const a = await grow(rig, genesis, 3);
    const b = await grow(rig, genesis, 2, () => ({ extra: 'b' }));
    const side = await grow(rig, at(a, 0).hash, 1, () => ({ extra: 'c' }));
    const told = listen(rig);
    const stored: (Hash | undefined)[] = [];
    rig.chain.onHead(() => stored.push(new KeyValueBlockStore(kv).finalized()?.hash));
    await decide(rig, at(a, 2).hash, at(a, 1).hash);
    expect(told).toEqual([{ added: hashesOf(a), removed: [] }, { finalized: hashesOf(a.slice(0, 2)) }]);
    expect(stored).toEqual([at(a, 1).hash]);
    expect(rig.chain.finalized).toBe(at(a, 1));
    expect(rig.chain.tree.size).toBe(2);
    for (const node of [...b, ...side]) {
      expect(rig.chain.tree.get(node.hash)).toBeUndefined();
      expect(rig.chain.blockByHash(node.hash)).toBeUndefined();
    }
    expect((await rig.chain.storedAboveFinality()).map(({ header }) => headerHash(header))).toEqual([at(a, 2).hash]);
  });

  it('leaves reads as they were, from memory to disk', async () => {
    const { rig, a } = await forked();
    const genesis = rig.chain.genesis.hash;
    await decide(rig, at(a, 2).hash, genesis);
    const answers = (): unknown =>
      a.map(({ hash, number, transactions }) => ({
        canonical: rig.chain.canonicalHash(number),
        isCanonical: rig.chain.isCanonical(hash),
        has: rig.chain.has(hash),
        root: rig.chain.stateAt(hash).accountTrie().root,
        balance: rig.chain.stateAt(hash).account(PAYEE)?.balance,
        nonce: rig.chain.stateAt(hash).account(RICH)?.nonce,
        receipts: rig.chain.receipts(hash),
        transactions: rig.chain.transactions(hash)?.map((tx) => tx.sender),
        places: transactions.map((tx) => rig.chain.transactionLocation(tx.hash)),
        consensus: rig.chain.consensusAt(hash),
        proof: rig.chain.proof(PAYEE, [ZERO_HASH], hash),
        header: rig.chain.blockByHash(hash)?.header.number,
        genesis: rig.chain.ancestorHash(at(a, 2).hash, 0),
        ancestor: rig.chain.env.blockHash(number, at(a, 2).hash),
      }));
    const before = answers();
    await decide(rig, at(a, 2).hash, at(a, 1).hash);
    expect(answers()).toEqual(before);
    await decide(rig, at(a, 2).hash, at(a, 2).hash);
    expect(answers()).toEqual(before);
  });

  it('stores proof and anchor with the pointer, also those that come late', async () => {
    const rig = await openRig();
    const [one, two] = (await grow(rig, rig.chain.genesis.hash, 2)) as [BlockNode, BlockNode];
    const request = { head: two.hash, safe: one.hash, finalized: one.hash };
    await rig.chain.applyForkchoice({ ...request, anchor: Buffer.from('a1') });
    expect(Buffer.from(rig.chain.anchor ?? []).toString()).toBe('a1');
    await rig.chain.applyForkchoice({ ...request, justification: Buffer.from('proof') });
    expect(Buffer.from(rig.chain.anchor ?? []).toString()).toBe('a1');
    expect(rig.chain.withProof(one.hash)).toEqual({
      block: rig.chain.blockByHash(one.hash),
      justification: Buffer.from('proof'),
    });
    await rig.chain.applyForkchoice({ ...request, anchor: Buffer.from('a2') });
    const again = await openRig({ kv: rig.kv });
    expect(Buffer.from(again.chain.anchor ?? []).toString()).toBe('a2');
    await rig.chain.applyForkchoice({ head: two.hash, safe: two.hash, finalized: two.hash });
    expect(rig.chain.anchor).toBeNull();
    expect(rig.chain.withProof(two.hash)).toEqual({ block: rig.chain.blockByHash(two.hash) });
  });

  it('writes one synced batch a step, and none where nothing moves', async () => {
    const kv = new MemoryStore();
    const rig = await openRig({ kv });
    const nodes = await grow(rig, rig.chain.genesis.hash, 2);
    const batches: { ops: number; sync: boolean }[] = [];
    const write = kv.batch.bind(kv);
    kv.batch = (ops: readonly BatchOp[], options) => {
      batches.push({ ops: ops.length, sync: options.sync });
      return write(ops, options);
    };
    await decide(rig, at(nodes, 1).hash, rig.chain.genesis.hash);
    expect(batches).toEqual([]);
    await decide(rig, at(nodes, 1).hash, at(nodes, 1).hash);
    expect(batches).toEqual([{ ops: expect.any(Number) as number, sync: true }]);
  });

  it('goes before the blocks that wait, so that a sync does not outrun it', async () => {
    const rig = await openRig();
    const [one] = (await grow(rig, rig.chain.genesis.hash, 1)) as [BlockNode];
    const made = await Promise.all(['a', 'b', 'c'].map((extra) => makeBlock(rig, one.hash, { extra })));
    const order: string[] = [];
    const waiting = made.map(({ block }) => rig.chain.import(block, from('sync')).then(() => order.push('import')));
    await Promise.all([...waiting, decide(rig, one.hash, one.hash).then(() => order.push('decision'))]);
    expect(order).toEqual(['import', 'decision', 'import', 'import']);
  });

  it('leaves nothing behind of blocks it passed that never came into the tree', async () => {
    const rig = await openRig();
    const a = await grow(rig, rig.chain.genesis.hash, 2);
    await grow(rig, rig.chain.genesis.hash, 1, () => ({ extra: 'b' }));
    // Only one branch is replayed after a restart; the other block stays in the store alone.
    const again = await openRig({ kv: rig.kv });
    for (const { block } of a) await importOk(again, block, from('replay'));
    await decide(again, at(a, 1).hash, at(a, 1).hash);
    expect(await new KeyValueBlockStore(rig.kv).unfinalized()).toEqual([]);
  });
});

describe('an impossible decision', () => {
  it('is refused with nothing changed', async () => {
    const { rig, a, b } = await forked();
    const genesis = rig.chain.genesis.hash;
    await decide(rig, at(a, 1).hash, at(a, 0).hash);
    const told = listen(rig);
    const cases: readonly { head: Hash; safe: Hash; finalized: Hash }[] = [
      // Sideways and back.
      { head: at(b, 1).hash, safe: at(b, 0).hash, finalized: at(b, 0).hash },
      { head: at(a, 1).hash, safe: genesis, finalized: genesis },
      // The head or safe beside finality, safe beside the head, unknown blocks.
      { head: at(a, 1).hash, safe: at(a, 2).hash, finalized: at(a, 2).hash },
      { head: at(a, 0).hash, safe: at(a, 0).hash, finalized: at(a, 1).hash },
      { head: at(a, 1).hash, safe: at(a, 2).hash, finalized: at(a, 0).hash },
      { head: ZERO_HASH, safe: at(a, 0).hash, finalized: at(a, 0).hash },
      { head: at(a, 1).hash, safe: at(a, 0).hash, finalized: ZERO_HASH },
    ];
    for (const request of cases) {
      await expect(rig.chain.applyForkchoice(request)).rejects.toMatchObject({ code: 'FORKCHOICE_INVALID' });
    }
    expect(told).toEqual([]);
    expect(rig.chain.head).toBe(at(a, 1));
    expect(rig.chain.finalized).toBe(at(a, 0));
    await decide(rig, at(a, 2).hash, at(a, 1).hash, at(a, 2).hash);
    expect(rig.chain.safe).toBe(at(a, 2));
  });

  it('tells nobody of a step that did not reach the disk', async () => {
    const kv = new MemoryStore();
    const rig = await openRig({ kv });
    const [one] = (await grow(rig, rig.chain.genesis.hash, 1)) as [BlockNode];
    const told = listen(rig);
    kv.batch = () => Promise.reject(new Error('no space'));
    await expect(decide(rig, one.hash, one.hash)).rejects.toThrow('no space');
    expect(told).toEqual([]);
    expect(rig.chain.finalized.number).toBe(0);
    expect(rig.chain.stateAt(one.hash).account(RICH)).toBeDefined();
    expect(rig.chain.stateAt(rig.chain.genesis.hash).account(RICH)?.nonce).toBe(0);
  });
});

it('a listener that throws keeps nobody from hearing', async () => {
  const rig = await openRig();
  const [one] = (await grow(rig, rig.chain.genesis.hash, 1)) as [BlockNode];
  rig.chain.onHead(() => {
    throw new Error('listener');
  });
  const told = listen(rig);
  await decide(rig, one.hash, one.hash);
  expect(told).toHaveLength(2);
});
