import type { Clock, TimerHandle, Timers } from '../ports/clock.ts';
import type { Network } from '../ports/network.ts';
import type { BlockRef } from '../types/block.ts';
import type { Bytes, Hash, Millis, PeerId } from '../types/primitives.ts';
import { CodecError, errorText } from '../util/errors.ts';
import type { Log } from '../util/log.ts';
import { Lru } from '../util/lru.ts';
import type { BlockIntake } from './block-intake.ts';
import { BLOCKS_PER_ANSWER_MAX } from './block-server.ts';
import type { EngineEventBody } from './driver.ts';
import { decodeStatus, encodeStatus, type StatusMessage } from './status-message.ts';
import { SyncFetch, type Fetched, type Question } from './sync-fetch.ts';
import { SyncLanes, type Lane } from './sync-lanes.ts';
import { PEER_REST_MS, SILENT_REST_MS, SyncPeers, type PeerHead } from './sync-peers.ts';

/**
 * Sync: how a node gets what gossip did not bring it.
 *
 * Peers exchange a status when they meet and every STATUS_INTERVAL_MS after. A peer of another genesis is refused with the
 * reason. When a peer names a head this node lacks, a short gap is fetched by hash with ancestors, a long one by ranges from
 * the head up; if that does not connect (another fork), from finality up, however high that fork is (sync-fetch.ts). Each peer
 * is asked one thing at a time, and one run asks: another begins only while the answers to all others are overdue
 * (sync-lanes.ts), so that the slow keep nobody from the quick. Blocks that others stand on (`missing`) and heads of peers have
 * turns, one after the other, so that neither can keep the other waiting. A peer that brings rubbish or nothing rests for
 * PEER_REST_MS, one that does not answer for SILENT_REST_MS, each time twice as long, and is asked after those that kept their
 * word (sync-peers.ts).
 *
 * What a peer claims is believed as far as it served: the engine, silent while it is behind, must not be silenced by words.
 * Blocks pass the common door (BlockIntake), and the engine is let finish between ranges, so that finality follows and the
 * tree of unfinalized blocks stays small.
 */

export const STATUS_INTERVAL_MS = 2_000;
/** Clocks differ, and that is nobody's fault: a peer whose blocks lie in our future is asked again soon. */
const LATER_REST_MS = 1_000;
/** For one that was slow to say that it does not have what another should have had. */
const STAND_IN_REST_MS = 5_000;
const STATUS_TIMEOUT_MS = 5_000;
/** However often the engine says that it is behind. */
const BEHIND_INTERVAL_MS = 200;
/** Up to this gap a block is fetched with its ancestors; beyond it by ranges. */
const BY_HASH_GAP_MAX = 32;
const MISSING_MAX = 64;
const MISSING_PER_PEER_MAX = 16;
/** Blocks on dead branches that are not asked for again. */
const DEAD_REMEMBERED_MAX = 4096;

export type SyncModules = {
  readonly network: Network;
  readonly intake: Pick<BlockIntake, 'accept'>;
  readonly chain: {
    readonly head: () => BlockRef;
    readonly finalized: () => BlockRef;
    /** Where a block needs a proof: whether it is here with one. */
    readonly has: (hash: Hash) => boolean;
  };
  /** A block is here only when it is final, by the proof that came with it. */
  readonly needsJustification: boolean;
  readonly status: () => StatusMessage;
  readonly idle: () => Promise<void>;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  readonly post: (event: EngineEventBody) => void;
  /** A peer's first status was good. */
  readonly onPeer: (peer: PeerId) => void;
};

/**
 * In what role a peer is asked: for its own head; for the parent of a block that it told of, which it must have; or for
 * what somebody else told of.
 */
type Role = 'followed' | 'teller' | 'stand-in';
type MissingBlock = { readonly hash: Hash; readonly peer: PeerId; readonly role: 'teller' | 'stand-in' };
/** A peer, in one run. `served`: its new blocks so far. `behindBlocks`: what is believed of it. */
type Errand = { readonly lane: Lane; readonly peer: PeerId; served: number; behindBlocks: number };

export class Sync {
  readonly #modules: SyncModules;
  readonly #peers: SyncPeers;
  readonly #fetch: SyncFetch;
  readonly #missing = new Map<Hash, PeerId | null>();
  readonly #dead = new Lru<Hash, true>(DEAD_REMEMBERED_MAX);
  readonly #lanes: SyncLanes;
  /** Whom some run asks now. */
  readonly #errands = new Map<PeerId, Errand>();
  #timer: TimerHandle | null = null;
  #stopped = false;
  #startingBlock = 0;
  /** When `behind` last made it ask around. */
  #askedAt: Millis = -Infinity;
  /** What the engine was last told. */
  #behindBlocks = 0;

  constructor(modules: SyncModules) {
    this.#modules = modules;
    this.#peers = new SyncPeers(modules);
    this.#fetch = new SyncFetch(modules);
    this.#lanes = new SyncLanes({ ...modules, run: (lane) => this.#run(lane) });
  }

  start(): void {
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    this.#fetch.stop();
    this.#lanes.stop();
    this.#timer?.cancel();
  }

  peerStatus(peer: PeerId): StatusMessage | null {
    return this.#peers.status(peer);
  }

  /** Peers whose chain left ours at or below our finalized block: they and we will not agree again by ourselves. */
  peersApart(): readonly PeerId[] {
    return this.#peers.apart();
  }

  /** For eth_syncing: null when no peer is more than a block ahead. */
  progress(): { readonly startingBlock: number; readonly currentBlock: number; readonly highestBlock: number } | null {
    const currentBlock = this.#modules.chain.head().number;
    const highestBlock = this.#peers.highest();
    return highestBlock > currentBlock + 1 ? { startingBlock: this.#startingBlock, currentBlock, highestBlock } : null;
  }

  connected(peer: PeerId): void {
    this.#peers.connected(peer);
    void this.#exchangeStatus(peer);
  }

  disconnected(peer: PeerId): void {
    this.#peers.disconnected(peer);
  }

  /** Answers a peer's status request, which carries its own. */
  answerStatus(payload: Bytes, from: PeerId): Bytes {
    this.#takeStatus(from, decodeStatus(payload));
    return encodeStatus(this.#modules.status());
  }

  /** A block's parent is unknown here. */
  missing(hash: Hash, peer: PeerId | null): void {
    if (this.#dead.has(hash) || this.#missing.has(hash) || this.#missing.size >= MISSING_MAX) return;
    if (peer !== null && (this.#peers.isApart(peer) || this.#missingOf(peer) >= MISSING_PER_PEER_MAX)) return;
    this.#missing.set(hash, peer);
    this.#lanes.wake();
  }

  /** The engine heard of heights this node lacks: ask around now. */
  behind(): void {
    const { clock } = this.#modules;
    if (this.#stopped || clock.now() < this.#askedAt + BEHIND_INTERVAL_MS) return;
    this.#askedAt = clock.now();
    for (const peer of this.#peers.ids()) void this.#exchangeStatus(peer);
  }

  #missingOf(peer: PeerId): number {
    let count = 0;
    for (const teller of this.#missing.values()) if (teller === peer) count++;
    return count;
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = this.#modules.timers.after(STATUS_INTERVAL_MS, () => {
      for (const peer of this.#peers.ids()) void this.#exchangeStatus(peer);
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
    const { chain, log, network, onPeer, status } = this.#modules;
    const ours = status();
    if (theirs.genesisHash !== ours.genesisHash || theirs.chainId !== ours.chainId || theirs.shard !== ours.shard) {
      log.warn('peer of another network refused', { peer, genesis: theirs.genesisHash, ours: ours.genesisHash });
      this.#peers.disconnected(peer);
      network.blame(peer, 'WRONG_GENESIS', 'fatal');
      return;
    }
    const isKnown = chain.has(theirs.head.hash);
    if (!this.#peers.has(peer)) return;
    if (this.#peers.takeStatus(peer, theirs, isKnown)) onPeer(peer);
    if (!isKnown) this.#lanes.wake();
  }

  async #run(lane: Lane): Promise<void> {
    if (this.#errands.size === 0) this.#startingBlock = this.#modules.chain.head().number;
    while (!this.#stopped && !this.#lanes.yields(lane)) {
      const orphan = this.#nextMissing();
      if (orphan !== null) await this.#onErrand(lane, orphan.peer, (errand) => this.#fetchMissing(errand, orphan));
      const best = this.#bestPeer();
      if (best !== null) await this.#onErrand(lane, best.id, (errand) => this.#follow(errand, best.head));
      if (orphan === null && best === null) return;
    }
  }

  async #onErrand(lane: Lane, peer: PeerId, run: (errand: Errand) => Promise<void>): Promise<void> {
    const errand: Errand = { lane, peer, served: 0, behindBlocks: 0 };
    this.#errands.set(peer, errand);
    try {
      await run(errand);
    } finally {
      this.#errands.delete(peer);
    }
  }

  /** What nobody can be asked for now waits, if somebody who could be has another question to answer first. */
  #nextMissing(): MissingBlock | null {
    for (const [hash, teller] of this.#missing) {
      const isHere = this.#modules.chain.has(hash) || this.#dead.has(hash);
      const found = isHere ? null : this.#whoMayHave(hash, teller);
      if (found !== null || isHere || !this.#isSomebodyBusy()) this.#missing.delete(hash);
      if (found !== null) return found;
    }
    return null;
  }

  #whoMayHave(hash: Hash, teller: PeerId | null): MissingBlock | null {
    if (teller !== null && this.#isFree(teller)) return { hash, peer: teller, role: 'teller' };
    const peer = this.#peers.standIn(this.#modules.random, (id) => this.#isFree(id));
    return peer === null ? null : { hash, peer, role: 'stand-in' };
  }

  #isFree(peer: PeerId): boolean {
    return this.#peers.isFit(peer) && !this.#errands.has(peer);
  }

  #isSomebodyBusy(): boolean {
    return this.#peers.ids().some((id) => this.#errands.has(id));
  }

  /** One whose head is unknown here and not below finality; whom a run asks now is out of the question, but for `followed`. */
  #bestPeer(followed: PeerId | null = null): PeerHead | null {
    const { chain } = this.#modules;
    const finalized = chain.finalized().number;
    return this.#peers.best(
      (head, id) => head.number > finalized && !chain.has(head.hash) && (id === followed || this.#isFree(id)),
    );
  }

  async #fetchMissing(errand: Errand, { hash, peer, role }: MissingBlock): Promise<void> {
    const fetched = await this.#askByHash(errand, hash, () => {});
    if (fetched.step === 'stale') this.#dead.set(hash, true);
    this.#judge(peer, fetched, role);
  }

  async #follow(errand: Errand, target: BlockRef): Promise<void> {
    await this.#fetchUpTo(errand, target);
    // Where having a block means having its proof, that is for the engine to say.
    await this.#modules.idle();
    errand.behindBlocks = 0;
    this.#tellBehind();
    this.#settle(errand.peer, target);
  }

  async #fetchUpTo(errand: Errand, target: BlockRef): Promise<void> {
    const { chain } = this.#modules;
    if (target.number - chain.head().number > BY_HASH_GAP_MAX) {
      return this.#followByRange(errand, target, chain.head().number + 1);
    }
    const onNew = (number: number): void => this.#brought(errand, target.number - number);
    const fetched = await this.#askByHash(errand, target.hash, onNew);
    if (fetched.step !== 'unconnected') return this.#judge(errand.peer, fetched, 'followed');
    // A fork may be heavier and no longer than ours: what counts is where it left.
    await this.#followByRange(errand, target, chain.finalized().number + 1);
  }

  #askByHash(errand: Errand, hash: Hash, onNew: (number: number) => void): Promise<Fetched> {
    return this.#ask(errand, { what: { hash }, count: BY_HASH_GAP_MAX * 2, onNew });
  }

  #ask({ lane, peer }: Errand, question: Omit<Question, 'peer' | 'wait'>): Promise<Fetched> {
    return this.#fetch.ask({ ...question, peer, wait: (answer) => this.#lanes.wait(lane, answer) });
  }

  /** The peer's canonical blocks from a height on; from finality on if those do not connect. */
  async #followByRange(errand: Errand, target: BlockRef, start: number): Promise<void> {
    const { chain, idle } = this.#modules;
    const { peer } = errand;
    let from = start;
    let mayGoBack = start > chain.finalized().number + 1;
    while (!this.#stopped && from <= target.number && this.#peers.has(peer)) {
      const onNew = (number: number): void => this.#brought(errand, target.number - number);
      const fetched = await this.#ask(errand, { what: { from }, count: BLOCKS_PER_ANSWER_MAX, onNew });
      if (fetched.step === 'unconnected' && mayGoBack) {
        mayGoBack = false;
        from = chain.finalized().number + 1;
        continue;
      }
      this.#judge(peer, fetched, 'followed');
      if (fetched.step !== 'progress' && fetched.step !== 'known') return;
      await idle();
      from = fetched.last + 1;
      if (fetched.isSlow && this.#isOthersTurn(peer)) return;
    }
  }

  /** A peer that takes its time must not take that of others, whom it may want to keep from being asked. */
  #isOthersTurn(peer: PeerId): boolean {
    const best = this.#bestPeer(peer);
    return this.#missing.size > 0 || (best !== null && best.id !== peer);
  }

  /** The fetch went well, yet the promised head is not here: the peer moved on, or lied. Either way it waits its turn. */
  #settle(peer: PeerId, target: BlockRef): void {
    if (this.#peers.status(peer)?.head.hash !== target.hash || this.#modules.chain.has(target.hash)) return;
    if (this.#peers.isFit(peer)) this.#peers.rest(peer, PEER_REST_MS);
  }

  /** What an answer means for the peer that gave it. */
  #judge(peer: PeerId, { step, isSlow }: Fetched, role: Role): void {
    this.#peers.asked(peer, isSlow);
    // Who only stands in for the one that told of it owes us nothing: it may be the last good peer there is.
    if (role === 'stand-in' && isSlow) this.#peers.rest(peer, STAND_IN_REST_MS);
    switch (step) {
      case 'progress':
        return this.#peers.forgive(peer);
      case 'later':
        return this.#peers.rest(peer, LATER_REST_MS);
      case 'stale':
        return role === 'followed' ? this.#part(peer) : undefined;
      case 'nothing':
        return role === 'stand-in' ? undefined : this.#peers.fail(peer);
      case 'silent':
        return role === 'stand-in' ? undefined : this.#peers.fail(peer, SILENT_REST_MS);
      case 'unconnected':
        // What is below a missing block is missing, and asked for next.
        return role === 'followed' ? this.#peers.fail(peer) : undefined;
      case 'known':
        return undefined;
    }
  }

  /**
   * Its branch is dead here. If what it calls final is ours as well it may come over, as after a partition. If not, neither of
   * us takes that back, and somebody has to look into it. Either way it is asked again ever more rarely.
   */
  #part(peer: PeerId): void {
    const { chain, log } = this.#modules;
    this.#peers.fail(peer);
    const theirs = this.#peers.status(peer)?.finalized;
    const { number, hash } = chain.finalized();
    // What it calls final above ours may well stand on ours: we have not seen it yet.
    if (theirs === undefined || theirs.number > number || chain.has(theirs.hash)) return;
    if (!this.#peers.setApart(peer)) return;
    log.error(
      'a peer follows a chain that left ours at or below our finalized block; it will not join again by itself',
      {
        peer,
        finalized: number,
        hash,
        theirs: theirs.number,
        theirHash: theirs.hash,
      },
    );
  }

  /** A new block of a peer that is followed, by whose word so many more are to come; believed as far as it served. */
  #brought(errand: Errand, moreBlocks: number): void {
    errand.served++;
    const behindBlocks = Math.min(moreBlocks, errand.served);
    if (behindBlocks < Math.max(1, 2 * errand.behindBlocks)) return;
    errand.behindBlocks = behindBlocks;
    this.#tellBehind();
  }

  #tellBehind(): void {
    const behindBlocks = Math.max(0, ...[...this.#errands.values()].map((errand) => errand.behindBlocks));
    if (behindBlocks === this.#behindBlocks) return;
    this.#behindBlocks = behindBlocks;
    this.#modules.post({ type: 'syncing', behindBlocks });
  }
}
