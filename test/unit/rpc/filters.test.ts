import { expect, it } from 'vitest';
import { Feed } from '../../../rpc/feed.ts';
import { Filters } from '../../../rpc/filters.ts';
import { DEFAULT_RPC_LIMITS, type RpcLimits } from '../../../rpc/limits.ts';
import { RenderedBlocks } from '../../../rpc/rendered-blocks.ts';
import { FakeNode } from '../../rpc/fake-node.ts';

function setUp(limits: Partial<RpcLimits> = {}): {
  node: FakeNode;
  filters: Filters;
  clock: { now: number };
} {
  const node = new FakeNode();
  const clock = { now: 0 };
  const filters = new Filters(
    new Feed(node.events, new RenderedBlocks(0)),
    { ...DEFAULT_RPC_LIMITS, filterIdleMs: 1000, ...limits },
    () => clock.now,
  );
  return { node, filters, clock };
}

const NOT_FOUND = 'filter not found';
const ANN = 'key:ann';
const BEN = 'address:10.0.0.2';

it('gives each result once', () => {
  const { node, filters } = setUp();
  const id = filters.add(ANN, { kind: 'blockHashes' });
  const [first, second] = [node.mine(), node.mine()];
  expect(JSON.parse(filters.changes(id))).toEqual([first.hash, second.hash]);
  expect(filters.changes(id)).toBe('[]');
  expect(filters.remove(id)).toBe(true);
  expect(filters.remove(id)).toBe(false);
  expect(() => filters.changes(id)).toThrow(NOT_FOUND);
});

it('forgets a filter that nobody polls, and keeps one that is polled', () => {
  const { node, filters, clock } = setUp();
  const [polled, idle] = [filters.add(ANN, { kind: 'blockHashes' }), filters.add(ANN, { kind: 'blockHashes' })];
  clock.now = 800;
  filters.changes(polled);
  clock.now = 1600;
  node.mine();
  expect(JSON.parse(filters.changes(polled))).toHaveLength(1);
  expect(() => filters.changes(idle)).toThrow(NOT_FOUND);
});

it('forgets a filter that overflows', () => {
  const { node, filters } = setUp({ filterEntriesMax: 2 });
  const id = filters.add(ANN, { kind: 'blockHashes' });
  for (let i = 0; i < 3; i++) node.mine();
  expect(() => filters.changes(id)).toThrow(NOT_FOUND);
});

it('holds a limited number, and has room again after idle ones are forgotten', () => {
  const { filters, clock } = setUp({ filtersMax: 2 });
  filters.add(ANN, { kind: 'blockHashes' });
  filters.add(ANN, { kind: 'transactionHashes' });
  expect(() => filters.add(ANN, { kind: 'blockHashes' })).toThrow('eth_uninstallFilter');
  clock.now = 1001;
  expect(filters.add(ANN, { kind: 'blockHashes' })).toMatch(/^0x[1-9a-f][0-9a-f]{8,31}$/);
});

it('holds a limited number for each client, whose polls, ends and overflows give room again', () => {
  const { node, filters, clock } = setUp({ filtersPerClientMax: 2, filterEntriesMax: 1 });
  const ids = [filters.add(ANN, { kind: 'blockHashes' }), filters.add(ANN, { kind: 'transactionHashes' })];
  const add = (): unknown => filters.add(ANN, { kind: 'transactionHashes' });
  expect(add).toThrow(expect.objectContaining({ code: 'RPC_LIMIT', message: expect.stringContaining('this client') }));
  filters.add(BEN, { kind: 'blockHashes' });
  expect(filters.remove(ids[1] ?? '')).toBe(true);
  expect(filters.remove(ids[1] ?? '')).toBe(false);
  add();
  expect(add).toThrow('this client holds 2 filters');
  node.mine();
  node.mine();
  add();
  expect(add).toThrow('this client holds 2 filters');
  clock.now = 1001;
  add();
  add();
  expect(add).toThrow('this client holds 2 filters');
});

it('is refused to a client that has as many as it may, whatever room there is for others', () => {
  const { filters } = setUp({ filtersMax: 3, filtersPerClientMax: 2 });
  for (let i = 0; i < 2; i++) filters.add(ANN, { kind: 'blockHashes' });
  expect(() => filters.add(ANN, { kind: 'blockHashes' })).toThrow('this client holds 2 filters');
  filters.add(BEN, { kind: 'blockHashes' });
  expect(() => filters.add(BEN, { kind: 'blockHashes' })).toThrow('this node holds 3 filters');
});

it('forgets the filter that keeps most when all together keep too much', () => {
  const hashSizeBytes = 68;
  const { node, filters } = setUp({ filtersSizeBytesMax: 5 * hashSizeBytes });
  const [large, small] = [filters.add(ANN, { kind: 'blockHashes' }), filters.add(BEN, { kind: 'blockHashes' })];
  const counts = (id: string): number => (JSON.parse(filters.changes(id)) as unknown[]).length;
  for (let i = 0; i < 4; i++) {
    node.mine();
    expect(counts(small)).toBe(1);
  }
  node.mine();
  expect(counts(small)).toBe(1);
  expect(() => filters.changes(large)).toThrow(NOT_FOUND);
  // What it kept is room again, and so is what is polled.
  for (let i = 0; i < 5; i++) node.mine();
  expect(counts(small)).toBe(5);
  for (let i = 0; i < 5; i++) node.mine();
  expect(counts(small)).toBe(5);
});
