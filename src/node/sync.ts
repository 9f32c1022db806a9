import { decodeBlockWithProof } from '../codec/block.ts';
import type { Clock, TimerHandle, Timers } from '../ports/clock.ts';
import type { Network } from '../ports/network.ts';
import type { BlockRef } from '../types/block.ts';
import type { Bytes, Hash, Millis, PeerId } from '../types/primitives.ts';
import { CodecError, errorCode, errorText } from '../util/errors.ts';
import type { Log } from '../util/log.ts';
import type { BlockIntake } from './block-intake.ts';
import {
  BLOCKS_ANSWER_BYTES_MAX,
  BLOCKS_PER_ANSWER_MAX,
  decodeBlocksAnswer,
  encodeHashRequest,
  encodeRangeRequest,
} from './block-server.ts';
import type { EngineEventBody } from './driver.ts';
import { decodeStatus, encodeStatus, type StatusMessage } from './status-message.ts';

/**
 * Sync: how a node gets what gossip did not bring it.
 *
 * Peers exchange a status when they meet and every STATUS_INTERVAL_MS after. A peer of another genesis is refused with the
 * reason. When a peer names a head this node lacks, a short gap is fetched by hash with ancestors, a long one by ranges from
 * the head up; if that does not connect (another fork), from finality up. One fetch runs at a time; a peer that brings
 * rubbish or nothing rests for PEER_REST_MS, each time twice as long, and is asked after those that kept their word. What a
 * peer claims is not believed before it has brought a new block: the engine, silent while it is behind, must not be
 * silenced by words. Blocks pass the common door (BlockIntake), and the engine is let finish between
 * ranges, so that finality follows and the tree of unfinalized blocks stays small.
 */

export const STATUS_INTERVAL_MS = 2_000;
export const PEER_REST_MS = 10_000;
/** Ten minutes and a half. */
const PEER_REST_DOUBLINGS_MAX = 6;
/** A peer that failed so often in a row is not believed to be ahead. */
const DOUBTED_FAILURES_MIN = 3;
/** Clocks differ, and that is nobody's fault: a peer whose blocks lie in our future is asked again soon. */
const LATER_REST_MS = 1_000;
const REQUEST_TIMEOUT_MS = 10_000;
const STATUS_TIMEOUT_MS = 5_000;
/** However often the engine says that it is behind. */
const BEHIND_INTERVAL_MS = 200;
/** Up to this gap a block is fetched with its ancestors; beyond it by ranges. */
const BY_HASH_GAP_MAX = 32;
const MISSING_MAX = 64;

export type SyncModules = {
  readonly network: Network;
  readonly intake: Pick<BlockIntake, 'accept'>;
  readonly chain: {
    readonly head: () => BlockRef;
    readonly finalized: () => BlockRef;
    readonly has: (hash: Hash) => boolean;
  };
  readonly status: () => StatusMessage;
  readonly idle: () => Promise<void>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly post: (event: EngineEventBody) => void;
  /** A peer's first status was good. */
  readonly onPeer: (peer: PeerId) => void;
};

/** `failures`: fetches in a row that brought nothing. */
type PeerState = { status: StatusMessage | null; restUntil: Millis; failures: number };
/** `isTeller`: the peer that told of a child of it, and so must have it. */
type MissingBlock = { readonly hash: Hash; readonly peer: PeerId; readonly isTeller: boolean };
/** `last`: number of the last block taken or known. */
/** `later`: good blocks, it may be, whose time has not come here. */
type Fetched = { readonly step: 'progress' | 'nothing' | 'unconnected' | 'later'; readonly last: number };

export class Sync {
  readonly #modules: SyncModules;
  readonly #peers = new Map<PeerId, PeerState>();
  readonly #missing = new Map<Hash, PeerId | null>();
  #timer: TimerHandle | null = null;
  #running = false;
  #isWanted = false;
  #stopped = false;
  #startingBlock = 0;
  /** When `behind` last made it ask around. */
  #askedAt: Millis = -Infinity;
  /** What the engine was last told. */
  #behindBlocks = 0;

  constructor(modules: SyncModules) {
    this.#modules = modules;
  }

  start(): void {
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  peerStatus(peer: PeerId): StatusMessage | null {
    return this.#peers.get(peer)?.status ?? null;
  }

  /** For eth_syncing: null when no peer is more than a block ahead. */
  progress(): { readonly startingBlock: number; readonly currentBlock: number; readonly highestBlock: number } | null {
    const currentBlock = this.#modules.chain.head().number;
    const highestBlock = this.#highest();
    return highestBlock > currentBlock + 1 ? { startingBlock: this.#startingBlock, currentBlock, highestBlock } : null;
  }

  connected(peer: PeerId): void {
    this.#peers.set(peer, { status: null, restUntil: 0, failures: 0 });
    void this.#exchangeStatus(peer);
  }

  disconnected(peer: PeerId): void {
    this.#peers.delete(peer);
  }

  /** Answers a peer's status request, which carries its own. */
  answerStatus(payload: Bytes, from: PeerId): Bytes {
    this.#takeStatus(from, decodeStatus(payload));
    return encodeStatus(this.#modules.status());
  }

  /** A block's parent is unknown here. */
  missing(hash: Hash, peer: PeerId | null): void {
    if (this.#missing.size >= MISSING_MAX) return;
    this.#missing.set(hash, peer);
    this.#wake();
  }

  /** The engine heard of heights this node lacks: ask around now. */
  behind(): void {
    const { clock } = this.#modules;
    if (this.#stopped || clock.now() < this.#askedAt + BEHIND_INTERVAL_MS) return;
    this.#askedAt = clock.now();
    for (const peer of this.#peers.keys()) void this.#exchangeStatus(peer);
  }

  #highest(): number {
    let highest = 0;
    for (const { status, failures } of this.#peers.values()) {
      if (failures < DOUBTED_FAILURES_MIN) highest = Math.max(highest, status?.head.number ?? 0);
    }
    return highest;
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = this.#modules.timers.after(STATUS_INTERVAL_MS, () => {
      for (const peer of this.#peers.keys()) void this.#exchangeStatus(peer);
      this.#schedule();
    });
  }

  async #exchangeStatus(peer: PeerId): Promise<void> {
    const { network, log, status } = this.#modules;
    try {
      const answer = await network.request(peer, 'status', encodeStatus(status()), {
        timeoutMs: STATUS_TIMEOUT_MS,
        responseSizeBytesMax: 1024,
      });
      if (!this.#stopped) this.#takeStatus(peer, decodeStatus(answer));
    } catch (error) {
      if (error instanceof CodecError) network.blame(peer, error.code, 'major');
      else log.debug('no status', { peer, reason: errorText(error) });
    }
  }

  #takeStatus(peer: PeerId, theirs: StatusMessage): void {
    const ours = this.#modules.status();
    if (theirs.genesisHash !== ours.genesisHash || theirs.chainId !== ours.chainId || theirs.shard !== ours.shard) {
      this.#modules.log.warn('peer of another network refused', {
        peer,
        genesis: theirs.genesisHash,
        ours: ours.genesisHash,
      });
      this.#peers.delete(peer);
      this.#modules.network.blame(peer, 'WRONG_GENESIS', 'fatal');
      return;
    }
    const state = this.#peers.get(peer);
    if (state === undefined) return;
    const first = state.status === null;
    state.status = theirs;
    if (first) this.#modules.onPeer(peer);
    if (!this.#modules.chain.has(theirs.head.hash)) this.#wake();
  }

  #wake(): void {
    if (this.#stopped) return;
    this.#isWanted = true;
    if (this.#running) return;
    this.#running = true;
    this.#run()
      .catch((error: unknown) => this.#modules.log.error('sync failed', { reason: errorText(error) }))
      .finally(() => {
        this.#running = false;
        // Woken while it was ending.
        if (this.#isWanted) this.#wake();
      });
  }

  async #run(): Promise<void> {
    this.#startingBlock = this.#modules.chain.head().number;
    while (!this.#stopped) {
      this.#isWanted = false;
      const orphan = this.#nextMissing();
      if (orphan !== null) {
        await this.#fetchMissing(orphan);
        continue;
      }
      const peer = this.#bestPeer();
      if (peer === null) return;
      await this.#follow(peer.id, peer.head);
    }
  }

  #nextMissing(): MissingBlock | null {
    for (const [hash, teller] of this.#missing) {
      this.#missing.delete(hash);
      if (this.#modules.chain.has(hash)) continue;
      const peer =
        teller !== null && this.#isFit(teller)
          ? teller
          : ([...this.#peers.keys()].find((id) => this.#isFit(id)) ?? null);
      if (peer !== null) return { hash, peer, isTeller: peer === teller };
    }
    return null;
  }

  /** A rested peer whose head is unknown here and not below finality; the most reliable first, then the furthest. */
  #bestPeer(): { readonly id: PeerId; readonly head: BlockRef } | null {
    const finalized = this.#modules.chain.finalized().number;
    let best: { id: PeerId; head: BlockRef; failures: number } | null = null;
    for (const [id, { status, failures }] of this.#peers) {
      if (status === null || !this.#isFit(id)) continue;
      if (status.head.number <= finalized || this.#modules.chain.has(status.head.hash)) continue;
      const order = best === null ? -1 : failures - best.failures || best.head.number - status.head.number;
      if (order < 0) best = { id, head: status.head, failures };
    }
    return best;
  }

  #isFit(peer: PeerId): boolean {
    const state = this.#peers.get(peer);
    return state !== undefined && state.restUntil <= this.#modules.clock.now();
  }

  /** It brought nothing. */
  #fail(peer: PeerId): void {
    const state = this.#peers.get(peer);
    if (state === undefined) return;
    this.#rest(peer, PEER_REST_MS * 2 ** Math.min(state.failures, PEER_REST_DOUBLINGS_MAX));
    state.failures++;
  }

  #rest(peer: PeerId, restMs: Millis): void {
    const state = this.#peers.get(peer);
    if (state !== undefined) state.restUntil = this.#modules.clock.now() + restMs;
  }

  #tellBehind(behindBlocks: number): void {
    if (behindBlocks === this.#behindBlocks) return;
    this.#behindBlocks = behindBlocks;
    this.#modules.post({ type: 'syncing', behindBlocks });
  }

  async #fetchMissing({ hash, peer, isTeller }: MissingBlock): Promise<void> {
    const target = this.#peers.get(peer)?.status?.head.number ?? 0;
    const request = encodeHashRequest({ hash, count: BY_HASH_GAP_MAX * 2 });
    const { step } = await this.#fetch(peer, 'blocks-by-hash', request, target);
    this.#tellBehind(0);
    // Who only stands in for the one that told of it owes us nothing: it may be the last good peer there is.
    if (step === 'nothing' && isTeller) this.#fail(peer);
    if (step === 'later') this.#rest(peer, LATER_REST_MS);
  }

  async #follow(peer: PeerId, target: BlockRef): Promise<void> {
    await this.#fetchUpTo(peer, target);
    // Where having a block means having its proof, that is for the engine to say.
    await this.#modules.idle();
    this.#tellBehind(0);
    this.#settle(peer, target);
  }

  async #fetchUpTo(peer: PeerId, target: BlockRef): Promise<void> {
    const gap = target.number - this.#modules.chain.head().number;
    if (gap <= BY_HASH_GAP_MAX) {
      const request = encodeHashRequest({ hash: target.hash, count: BY_HASH_GAP_MAX * 2 });
      const { step } = await this.#fetch(peer, 'blocks-by-hash', request, target.number);
      if (step === 'progress') return;
      if (step === 'nothing') return this.#fail(peer);
      if (step === 'later') return this.#rest(peer, LATER_REST_MS);
    }
    await this.#followByRange(peer, target);
  }

  async #followByRange(peer: PeerId, target: BlockRef): Promise<void> {
    const { chain, idle } = this.#modules;
    let from = chain.head().number + 1;
    let fromFinality = false;
    while (!this.#stopped && from <= target.number && this.#peers.has(peer)) {
      const request = encodeRangeRequest({ from, count: BLOCKS_PER_ANSWER_MAX });
      const { step, last } = await this.#fetch(peer, 'blocks-by-range', request, target.number);
      if (step === 'unconnected' && !fromFinality) {
        fromFinality = true;
        from = chain.finalized().number + 1;
        continue;
      }
      if (step === 'later') return this.#rest(peer, LATER_REST_MS);
      // Blocks below those asked for are no answer, or a peer could keep us with what we have.
      if (step !== 'progress' || last < from) return this.#fail(peer);
      await idle();
      from = last + 1;
    }
  }

  /** The fetch went well, yet the promised head is not here: the peer moved on, or lied. Either way it waits its turn. */
  #settle(peer: PeerId, target: BlockRef): void {
    const state = this.#peers.get(peer);
    if (state?.status?.head.hash !== target.hash || this.#modules.chain.has(target.hash)) return;
    if (this.#isFit(peer)) this.#rest(peer, PEER_REST_MS);
  }

  /** A new block, and so many more to come: that peer is worth asking, and the engine should know. */
  #brought(peer: PeerId, behindBlocks: number): void {
    const state = this.#peers.get(peer);
    if (state !== undefined) state.failures = 0;
    if (this.#behindBlocks === 0) this.#tellBehind(Math.max(0, behindBlocks));
  }

  /** `target`: the height that the peer claims to have. */
  async #fetch(
    peer: PeerId,
    protocol: 'blocks-by-range' | 'blocks-by-hash',
    payload: Bytes,
    target: number,
  ): Promise<Fetched> {
    const { network, intake, idle, log } = this.#modules;
    let step: Fetched['step'] = 'nothing';
    let last = 0;
    try {
      const answer = await network.request(peer, protocol, payload, {
        timeoutMs: REQUEST_TIMEOUT_MS,
        responseSizeBytesMax: BLOCKS_ANSWER_BYTES_MAX,
      });
      for (const encoded of decodeBlocksAnswer(answer)) {
        if (this.#stopped) return { step: 'nothing', last };
        const { block, justification } = decodeBlockWithProof(encoded);
        const delivery = { origin: 'sync', justification: justification ?? null, peer } as const;
        let outcome = await intake.accept(block, delivery);
        if (outcome.kind === 'later') {
          // Blocks come faster than the engine takes their parents in.
          await idle();
          outcome = await intake.accept(block, delivery);
        }
        if (outcome.kind === 'orphan') return { step: step === 'progress' ? step : 'unconnected', last };
        if (outcome.kind === 'invalid' || outcome.kind === 'unwanted') return { step: 'nothing', last };
        if (outcome.kind === 'later') return { step: 'later', last };
        step = 'progress';
        last = block.header.number;
        if (outcome.kind === 'imported') this.#brought(peer, target - last);
      }
    } catch (error) {
      if (error instanceof CodecError) network.blame(peer, error.code, 'major');
      log.debug('fetch failed', { peer, protocol, code: errorCode(error) });
      step = 'nothing';
    }
    return { step, last };
  }
}
