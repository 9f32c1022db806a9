import { expect, it } from 'vitest';
import { Feed } from '../../../rpc/feed.ts';
import { Filters } from '../../../rpc/filters.ts';
import { DEFAULT_RPC_LIMITS } from '../../../rpc/limits.ts';
import { FakeNode } from '../../rpc/fake-node.ts';

function setUp(limits: { filtersMax?: number; filterEntriesMax?: number } = {}): {
  node: FakeNode;
  filters: Filters;
  clock: { now: number };
} {
  const node = new FakeNode();
  const clock = { now: 0 };
  const filters = new Filters(
    new Feed(node.events),
    { ...DEFAULT_RPC_LIMITS, filterIdleMs: 1000, ...limits },
    () => clock.now,
  );
  return { node, filters, clock };
}

const NOT_FOUND = 'filter not found';

it('gives each result once', () => {
  const { node, filters } = setUp();
  const id = filters.add({ kind: 'blockHashes' });
  const [first, second] = [node.mine(), node.mine()];
  expect(JSON.parse(filters.changes(id))).toEqual([first.hash, second.hash]);
  expect(filters.changes(id)).toBe('[]');
  expect(filters.remove(id)).toBe(true);
  expect(filters.remove(id)).toBe(false);
  expect(() => filters.changes(id)).toThrow(NOT_FOUND);
});

it('forgets a filter that nobody polls, and keeps one that is polled', () => {
  const { node, filters, clock } = setUp();
  const [polled, idle] = [filters.add({ kind: 'blockHashes' }), filters.add({ kind: 'blockHashes' })];
  clock.now = 800;
  filters.changes(polled);
  clock.now = 1600;
  node.mine();
  expect(JSON.parse(filters.changes(polled))).toHaveLength(1);
  expect(() => filters.changes(idle)).toThrow(NOT_FOUND);
});

it('forgets a filter that overflows', () => {
  const { node, filters } = setUp({ filterEntriesMax: 2 });
  const id = filters.add({ kind: 'blockHashes' });
  for (let i = 0; i < 3; i++) node.mine();
  expect(() => filters.changes(id)).toThrow(NOT_FOUND);
});

it('holds a limited number, and has room again after idle ones are forgotten', () => {
  const { filters, clock } = setUp({ filtersMax: 2 });
  filters.add({ kind: 'blockHashes' });
  filters.add({ kind: 'transactionHashes' });
  expect(() => filters.add({ kind: 'blockHashes' })).toThrow('eth_uninstallFilter');
  clock.now = 1001;
  expect(filters.add({ kind: 'blockHashes' })).toMatch(/^0x[1-9a-f][0-9a-f]{8,31}$/);
});
