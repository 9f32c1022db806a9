import type { Origin } from '../../consensus/api/event.ts';
import type { Block } from '../types/block.ts';
import type { Bytes, Hash, PeerId } from '../types/primitives.ts';

/** A block whose parent is missing, with what must be known to import it later. */
export type Orphan = {
  readonly hash: Hash;
  readonly block: Block;
  readonly sizeBytes: number;
  readonly origin: Origin;
  readonly justification: Bytes | null;
  readonly peer: PeerId | null;
};

export type OrphanLimits = { readonly countMax: number; readonly bytesMax: number; readonly countPerPeerMax: number };

type Usage = { count: number; sizeBytes: number };

export const ORPHAN_LIMITS: OrphanLimits = { countMax: 512, bytesMax: 32 * 1024 * 1024, countPerPeerMax: 128 };

/**
 * The waiting room for blocks whose parent is missing. Bounded by count and bytes, and by count per peer, so that one peer
 * can not fill it. Who brings too much loses its own oldest; when the room is full, the peer that takes most of it does.
 */
export class OrphanRoom {
  readonly #limits: OrphanLimits;
  /** In the order of arrival. */
  readonly #orphans = new Map<Hash, Orphan>();
  readonly #byParent = new Map<Hash, Set<Hash>>();
  readonly #usage = new Map<PeerId | null, Usage>();
  #sizeBytes = 0;

  constructor(limits: OrphanLimits = ORPHAN_LIMITS) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#orphans.size;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  has(hash: Hash): boolean {
    return this.#orphans.has(hash);
  }

  /** Says whether it waits now; it may be turned away when it is larger than the room. */
  add(orphan: Orphan): boolean {
    const { countMax, bytesMax, countPerPeerMax } = this.#limits;
    if (orphan.sizeBytes > bytesMax) return false;
    if (this.#orphans.has(orphan.hash)) return true;
    this.#orphans.set(orphan.hash, orphan);
    const siblings = this.#byParent.get(orphan.block.header.parentHash) ?? new Set();
    this.#byParent.set(orphan.block.header.parentHash, siblings.add(orphan.hash));
    const usage = this.#usage.get(orphan.peer) ?? { count: 0, sizeBytes: 0 };
    this.#usage.set(orphan.peer, usage);
    usage.count += 1;
    usage.sizeBytes += orphan.sizeBytes;
    this.#sizeBytes += orphan.sizeBytes;
    if (usage.count > countPerPeerMax) this.#evictOldestOf(orphan.peer);
    while (this.#orphans.size > countMax || this.#sizeBytes > bytesMax) this.#evictOldestOf(this.#busiestPeer());
    return this.#orphans.has(orphan.hash);
  }

  /** The children of a block, in the order of their arrival; they leave the room. */
  take(parent: Hash): readonly Orphan[] {
    const children: Orphan[] = [];
    for (const hash of this.#byParent.get(parent) ?? []) {
      const orphan = this.#orphans.get(hash);
      if (orphan !== undefined) children.push(orphan);
    }
    for (const orphan of children) this.#remove(orphan);
    return children;
  }

  /** The unknown block at the bottom of the row that this one stands on. */
  missingAncestor(hash: Hash): Hash {
    let at = hash;
    for (let orphan = this.#orphans.get(at); orphan !== undefined; orphan = this.#orphans.get(at)) {
      at = orphan.block.header.parentHash;
    }
    return at;
  }

  /** Blocks at or below this height can no longer become part of the chain. */
  prune(finalizedNumber: number): void {
    for (const orphan of this.#orphans.values()) {
      if (orphan.block.header.number <= finalizedNumber) this.#remove(orphan);
    }
  }

  /** By its share of the room, in count or in bytes, whichever is larger. */
  #busiestPeer(): PeerId | null {
    const { countMax, bytesMax } = this.#limits;
    let busiest: PeerId | null = null;
    let most = 0;
    for (const [peer, { count, sizeBytes }] of this.#usage) {
      const share = Math.max(count / countMax, sizeBytes / bytesMax);
      if (share <= most) continue;
      busiest = peer;
      most = share;
    }
    return busiest;
  }

  #evictOldestOf(peer: PeerId | null): void {
    for (const orphan of this.#orphans.values()) {
      if (orphan.peer !== peer) continue;
      this.#remove(orphan);
      return;
    }
  }

  #remove(orphan: Orphan): void {
    const parent = orphan.block.header.parentHash;
    this.#orphans.delete(orphan.hash);
    this.#sizeBytes -= orphan.sizeBytes;
    const siblings = this.#byParent.get(parent);
    siblings?.delete(orphan.hash);
    if (siblings?.size === 0) this.#byParent.delete(parent);
    const usage = this.#usage.get(orphan.peer);
    if (usage === undefined) return;
    usage.count -= 1;
    usage.sizeBytes -= orphan.sizeBytes;
    if (usage.count === 0) this.#usage.delete(orphan.peer);
  }
}
