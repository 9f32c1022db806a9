import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Feed } from '../../../rpc/feed.ts';
import { RenderedBlocks } from '../../../rpc/rendered-blocks.ts';
import { FakeNode } from '../../rpc/fake-node.ts';

const PROGRESS = { startingBlock: 1, currentBlock: 10, highestBlock: 255 };
const BEGUN = { syncing: true, status: { startingBlock: '0x1', currentBlock: '0xa', highestBlock: '0xff' } };

let node: FakeNode;
let feed: Feed;
let heard: unknown[];
const listen = (): (() => void) => feed.add({ kind: 'syncing' }, (json) => heard.push(JSON.parse(json)));

beforeEach(() => {
  vi.useFakeTimers();
  node = new FakeNode();
  feed = new Feed(node.events, new RenderedBlocks(0), () => node.chain.syncing());
  heard = [];
});
afterEach(() => {
  feed.stop();
  vi.useRealTimers();
});

it('tells once that the node falls behind, and once that it has caught up', () => {
  listen();
  node.mine();
  vi.advanceTimersByTime(5000);
  expect(heard).toEqual([]);
  node.syncProgress = PROGRESS;
  vi.advanceTimersByTime(5000);
  expect(heard).toEqual([BEGUN]);
  node.syncProgress = null;
  node.mine();
  expect(heard).toEqual([BEGUN, false]);
  vi.advanceTimersByTime(5000);
  expect(heard).toHaveLength(2);
});

it('tells who comes while the node catches up at once', () => {
  node.syncProgress = PROGRESS;
  listen();
  expect(heard).toEqual([BEGUN]);
});

it('looks no longer when nobody listens', () => {
  const stops = [listen(), listen()];
  for (const stop of stops) stop();
  expect(vi.getTimerCount()).toBe(0);
  node.syncProgress = PROGRESS;
  node.mine();
  vi.advanceTimersByTime(5000);
  expect(heard).toEqual([]);
});
