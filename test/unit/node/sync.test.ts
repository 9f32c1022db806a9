import { describe, expect, it } from 'vitest';
import { encodeBlockWithProof, headerHash } from '../../../src/codec/block.ts';
import { encodeRlp } from '../../../src/codec/rlp.ts';
import type { ImportOutcome } from '../../../src/chain/import.ts';
import { encodeStatus, type StatusMessage } from '../../../src/node/status-message.ts';
import { Sync } from '../../../src/node/sync.ts';
import type { Network } from '../../../src/ports/network.ts';
import type { Block, BlockRef } from '../../../src/types/block.ts';
import type { Hash } from '../../../src/types/primitives.ts';
import { silentLog } from '../../../src/util/log.ts';
import { chainOf } from './chain-of.ts';

const LENGTH = 5;
const GENESIS: Hash = `0x${'ab'.repeat(32)}`;

/**
 * A node at genesis with one peer that has the whole chain. `engineKnows`: the height up to which the node's engine has
 * taken parents in; `idle` lets it catch up with what was imported.
 */
function rig(options: { readonly catchesUp: boolean }) {
  const blocks = chainOf(GENESIS, LENGTH);
  const known = new Map<Hash, number>([[GENESIS, 0]]);
  let head: BlockRef = { hash: GENESIS, number: 0 };
  let engineKnows = 0;
  let requests = 0;
  const done = Promise.withResolvers<void>();
  const statusOf = (at: BlockRef): StatusMessage => ({
    chainId: 1,
    shard: 0,
    genesisHash: GENESIS,
    head: at,
    finalized: { hash: GENESIS, number: 0 },
  });
  const last = blocks.at(-1) as { block: Block; hash: Hash };
  const network: Partial<Network> = {
    blame: () => {},
    request: async (_peer, protocol) => {
      if (protocol === 'status') return encodeStatus(statusOf({ hash: last.hash, number: LENGTH }));
      requests++;
      return encodeRlp(blocks.map(({ block }) => encodeBlockWithProof({ block })));
    },
  };
  const accept = async (block: Block): Promise<ImportOutcome> => {
    const { number } = block.header;
    const hash = headerHash(block.header);
    if (number - 1 > engineKnows) return { kind: 'later', hash, code: 'PARENT_UNKNOWN' };
    known.set(hash, number);
    head = { hash, number };
    if (number === LENGTH) done.resolve();
    return { kind: 'known', hash };
  };
  const sync = new Sync({
    network: network as Network,
    intake: { accept },
    chain: {
      head: () => head,
      finalized: () => ({ hash: GENESIS, number: 0 }),
      has: (hash) => known.has(hash),
    },
    status: () => statusOf(head),
    idle: async () => {
      if (options.catchesUp) engineKnows = head.number;
    },
    clock: { now: () => 0 },
    random: () => 0,
    needsJustification: false,
    timers: { after: () => ({ cancel: () => {} }) },
    log: silentLog,
    post: () => {},
    onPeer: () => {},
  });
  return { sync, done: done.promise, head: () => head, requests: () => requests };
}

describe('sync', () => {
  it('goes on where blocks come faster than the engine takes their parents in', async () => {
    const { sync, done, head, requests } = rig({ catchesUp: true });
    sync.connected('peer');
    await done;
    expect(head().number).toBe(LENGTH);
    expect(requests()).toBe(1);
  });

  it('lets a peer rest when its blocks stay out of reach', async () => {
    const { sync, head, requests } = rig({ catchesUp: false });
    sync.connected('peer');
    while (requests() === 0 || sync.progress() === null) await new Promise((wake) => setImmediate(wake));
    for (let turn = 0; turn < 50; turn++) await new Promise((wake) => setImmediate(wake));
    expect(head().number).toBe(1);
    expect(requests()).toBeLessThanOrEqual(3);
  });
});
