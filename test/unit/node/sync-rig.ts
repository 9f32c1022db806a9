import { encodeBlockWithProof, headerHash } from '../../../src/codec/block.ts';
import { decodeRlp, decodeUint, encodeRlp } from '../../../src/codec/rlp.ts';
import type { EngineEventBody } from '../../../src/node/driver.ts';
import { encodeStatus, type StatusMessage } from '../../../src/node/status-message.ts';
import { Sync } from '../../../src/node/sync.ts';
import type { Network, RequestProtocol } from '../../../src/ports/network.ts';
import type { BlockRef } from '../../../src/types/block.ts';
import type { Bytes, Hash } from '../../../src/types/primitives.ts';
import { ParleyError } from '../../../src/util/errors.ts';
import { silentLog, type Log } from '../../../src/util/log.ts';
import { Rng } from '../../../src/util/rng.ts';
import type { LinkedBlock } from './chain-of.ts';

export const GENESIS: Hash = `0x${'ab'.repeat(32)}`;
export const NOWHERE: Hash = `0x${'5a'.repeat(32)}`;
const REQUEST_MS = 10_000;
const ASKED_MAX = 400;

/** `answer` is null of a peer that takes the whole time of a request. */
export type FakePeer = {
  /** Its answers to requests for blocks wait for this. */
  readonly held?: Promise<void>;
  readonly head: BlockRef;
  /** Genesis when left out. */
  readonly finalized?: BlockRef;
  readonly tookMs?: number;
  answer(protocol: RequestProtocol, payload: Bytes): Bytes | null;
};

export type RigOptions = {
  /** Blocks that are here from the beginning, in a row from genesis; the last is the head. */
  readonly ours?: readonly LinkedBlock[];
  /** Of ours. */
  readonly finalized?: number;
  readonly needsJustification?: boolean;
};

/** A node at genesis, or with some blocks, among peers of the test. */
export function rig(peers: Readonly<Record<string, FakePeer>>, options: RigOptions = {}) {
  const { ours = [], needsJustification = false } = options;
  const known = new Map<Hash, number>([
    [GENESIS, 0],
    ...ours.map(({ hash, block }) => [hash, block.header.number] as const),
  ]);
  const final = new Set<Hash>([GENESIS]);
  const proven = new Set<Hash>();
  const posted: { readonly at: number; readonly event: EngineEventBody }[] = [];
  const asked: string[] = [];
  const errors: string[] = [];
  const blamed: string[] = [];
  const rng = new Rng(1);
  const timers = new Set<{ readonly at: number; readonly run: () => void }>();
  const lastOf = ours.at(-1);
  let head: BlockRef = lastOf === undefined ? { hash: GENESIS, number: 0 } : { hash: lastOf.hash, number: ours.length };
  const finalizedBlock = ours[(options.finalized ?? 0) - 1];
  let finalized: BlockRef =
    finalizedBlock === undefined
      ? { hash: GENESIS, number: 0 }
      : { hash: finalizedBlock.hash, number: options.finalized ?? 0 };
  let now = 0;
  let isEarly = false;
  const statusOf = (at: BlockRef, final: BlockRef = { hash: GENESIS, number: 0 }): StatusMessage => ({
    chainId: 1,
    shard: 0,
    genesisHash: GENESIS,
    head: at,
    finalized: final,
  });
  const network: Partial<Network> = {
    blame: (peer, code) => void blamed.push(`${peer} ${code}`),
    request: async (id, protocol, payload) => {
      const peer = peers[id] as FakePeer;
      if (protocol === 'status') return encodeStatus(statusOf(peer.head, peer.finalized));
      asked.push(id);
      if (asked.length > ASKED_MAX) throw new Error('asked without end');
      await peer.held;
      const answer = peer.answer(protocol, payload);
      now += answer === null ? REQUEST_MS : (peer.tookMs ?? 0);
      if (answer !== null) return answer;
      throw new ParleyError('NETWORK_TIMEOUT', 'no answer');
    },
  };
  const log: Log = { ...silentLog, error: (message) => void errors.push(message) };
  const sync = new Sync({
    network: network as Network,
    intake: {
      accept: async (block, { justification }) => {
        const hash = headerHash(block.header);
        const { number, parentHash } = block.header;
        if (isEarly) return { kind: 'later', hash, code: 'AHEAD' };
        if (number <= finalized.number && !known.has(hash)) return { kind: 'stale', hash };
        if (number === finalized.number + 1 && parentHash !== finalized.hash) return { kind: 'stale', hash };
        if (justification !== null) proven.add(hash);
        if (known.has(hash)) return { kind: 'known', hash };
        if (!known.has(parentHash)) return { kind: 'orphan', hash, missing: parentHash };
        known.set(hash, number);
        if (number > head.number && !needsJustification) head = { hash, number };
        return { kind: 'imported', hash, node: null as never };
      },
    },
    chain: {
      head: () => head,
      finalized: () => finalized,
      has: (hash) => (needsJustification ? final.has(hash) : known.has(hash)),
    },
    needsJustification,
    status: () => statusOf(head),
    idle: async () => {
      for (const hash of proven) {
        const number = known.get(hash);
        if (number === undefined || !needsJustification) continue;
        final.add(hash);
        if (number > finalized.number) head = finalized = { hash, number };
      }
    },
    clock: { now: () => now },
    random: () => rng.next(),
    timers: {
      after: (delayMs, run) => {
        const timer = { at: now + delayMs, run };
        timers.add(timer);
        return { cancel: () => void timers.delete(timer) };
      },
    },
    log,
    post: (event) => posted.push({ at: now, event }),
    onPeer: () => {},
  });
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 300; turn++) await new Promise((wake) => setImmediate(wake));
  };
  return {
    sync,
    asked,
    errors,
    blamed,
    settle,
    /** What the engine was told. */
    behind: (): number[] => posted.flatMap(({ event }) => (event.type === 'syncing' ? [event.behindBlocks] : [])),
    told: () =>
      posted.flatMap(({ at, event }) => (event.type === 'syncing' ? [{ at, behindBlocks: event.behindBlocks }] : [])),
    head: () => head,
    has: (hash: Hash) => known.has(hash),
    now: () => now,
    advance: (ms: number) => (now += ms),
    /** Time goes on, and timers that are due run. */
    async elapse(ms: number): Promise<void> {
      now += ms;
      for (const timer of timers) {
        if (timer.at > now) continue;
        timers.delete(timer);
        timer.run();
      }
      await settle();
    },
    setEarly: (is: boolean) => (isEarly = is),
    /** Asks around, some time later. */
    async after(ms: number): Promise<void> {
      now += ms;
      sync.behind();
      await settle();
    },
  };
}

export const liar = (
  answer: FakePeer['answer'] = () => null,
  head: BlockRef = { hash: NOWHERE, number: 1_000_000 },
): FakePeer => ({
  head,
  answer,
});

/** `answer` of a node that has these blocks, in a row, and `proof` for each. */
export function serving(blocks: readonly LinkedBlock[], proof?: Bytes): FakePeer['answer'] {
  const encoded = blocks.map(({ block }) =>
    encodeBlockWithProof(proof === undefined ? { block } : { block, justification: proof }),
  );
  const first = blocks[0]?.block.header.number ?? 0;
  return (protocol, payload) => {
    const [key, count] = decodeRlp(payload) as [Uint8Array, Uint8Array];
    if (protocol === 'blocks-by-range') {
      const from = Math.max(0, decodeUint(key) - first);
      return encodeRlp(encoded.slice(from, from + decodeUint(count)));
    }
    const index = blocks.findIndex(({ hash }) => hash === `0x${Buffer.from(key).toString('hex')}`);
    return encodeRlp(encoded.slice(Math.max(0, index + 1 - decodeUint(count)), index + 1));
  };
}

/** A node that has these blocks and no others. */
export function friend(
  blocks: readonly LinkedBlock[],
  options: { readonly proof?: Bytes; readonly tookMs?: number } = {},
): FakePeer {
  const { hash, block } = blocks.at(-1) as LinkedBlock;
  return {
    head: { hash, number: block.header.number },
    answer: serving(blocks, options.proof),
    ...(options.tookMs === undefined ? {} : { tookMs: options.tookMs }),
  };
}
