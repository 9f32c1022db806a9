/**
 * Import: from a block somebody sent to a node of the tree. The order is that of cost, and of what can be blamed on whom:
 *
 *   1 the header alone, duplicates, known-invalid hashes, blocks at or below finality
 *   2 the parent: without it the block waits in the orphan room
 *   3 the header beside its parent's, the author, votes and evidence, the engine's verdict, the transactions' root
 *   4 senders, execution, outcome beside header; then storage, then the tree
 *
 * Steps 1 to 3 are what a node checks before it passes a block on (`preCheck`), so whoever sends one that fails there is to
 * blame. What fails in step 4 condemns the hash, which is remembered and never executed again; only a peer that served the
 * block as part of its chain had executed it and is to blame.
 */
import type { HowReceived } from '../../consensus/api/engine.ts';
import type { Origin } from '../../consensus/api/event.ts';
import { headerHash } from '../codec/block.ts';
import type { Executed, executeBlock } from '../execution/execute-block.ts';
import type { ExecutionEnv } from '../execution/rules.ts';
import type { GossipVerdict } from '../ports/network.ts';
import type { BlockStore } from '../ports/stores.ts';
import type { Block, Header } from '../types/block.ts';
import type { SignedMessage } from '../types/message.ts';
import type { Address, Bytes, Hash, Millis, PeerId } from '../types/primitives.ts';
import type { Transaction } from '../types/transaction.ts';
import { CodecError, ParleyError } from '../util/errors.ts';
import { Lru } from '../util/lru.ts';
import { BlockNode } from './block-node.ts';
import type { HeaderJudge } from './header-judge.ts';
import type { Orphan, OrphanRoom } from './orphans.ts';
import { blockSizeBound, headerFault, lineageFault, outcomeFault, transactionsFault, votesFault } from './rules.ts';
import type { TransactionCache } from './transaction-cache.ts';
import type { BlockTree } from './tree.ts';

export type ImportHow = {
  readonly origin: Origin;
  readonly justification: Bytes | null;
  readonly peer: PeerId | null;
  readonly now: Millis;
  /** The engine asked for this very block: it goes before those that merely came. */
  readonly isNeeded?: boolean;
  /** From the builder: an own block is not executed twice. Transactions that are left out come from the cache. */
  readonly prepared?: { readonly executed: Executed; readonly transactions?: readonly Transaction[] };
};

export type ImportOutcome =
  | { readonly kind: 'imported'; readonly hash: Hash; readonly node: BlockNode }
  | { readonly kind: 'known'; readonly hash: Hash }
  /** It waits, unless the room is full. `missing`: what to fetch, the lowest unknown ancestor. */
  | { readonly kind: 'orphan'; readonly hash: Hash; readonly missing: Hash }
  | { readonly kind: 'later'; readonly hash: Hash; readonly code: string; readonly retryAt?: Millis }
  /** Of no use to the engine, and nobody's fault. */
  | { readonly kind: 'unwanted'; readonly hash: Hash; readonly code: string }
  /** At or below finality and not on our chain, or on a block that is. */
  | { readonly kind: 'stale'; readonly hash: Hash }
  | {
      readonly kind: 'invalid';
      readonly hash: Hash;
      readonly code: string;
      /** The sender could have known. */
      readonly blame: boolean;
      /** null unless the engine had accepted the header, and the fault is in what the header names. */
      readonly acceptedAuthor: Address | null;
    };

/** `retain`: worth importing, whether or not it is passed on. `code` says why it is not accepted. */
export type PreCheck = { readonly verdict: GossipVerdict; readonly code: string | null; readonly retain: boolean };

export type ImportLimits = {
  /** Blocks in memory. Above it only children of the head get in, so that the chain can still reach finality. */
  readonly treeNodesMax: number;
  /** Orphans further above the head are not kept. */
  readonly orphanDistanceMax: number;
  readonly knownInvalidMax: number;
};

export const IMPORT_LIMITS: ImportLimits = { treeNodesMax: 16_384, orphanDistanceMax: 1024, knownInvalidMax: 4096 };

/** Signatures recovered before others get a turn: about 15 ms. */
const RECOVERIES_PER_TURN = 256;
const AUTHORS_REMEMBERED_MAX = 1024;

export type ImportModules = {
  readonly tree: BlockTree;
  readonly blocks: BlockStore;
  readonly orphans: OrphanRoom;
  readonly transactions: TransactionCache;
  readonly env: ExecutionEnv;
  readonly execute: typeof executeBlock;
  readonly judge: () => HeaderJudge;
  /** Checks a vote's envelope. */
  readonly verifyMessage: (message: SignedMessage) => boolean;
};

type Examined =
  | Exclude<ImportOutcome, { kind: 'imported' }>
  | { readonly kind: 'fit'; readonly hash: Hash; readonly parent: BlockNode; readonly author: Address };

export class Importer {
  readonly #modules: ImportModules;
  readonly #limits: ImportLimits;
  readonly #invalid: Lru<Hash, string>;
  readonly #authors = new Lru<Hash, Address>(AUTHORS_REMEMBERED_MAX);
  /** Bodies found to be those of their headers: checked when passed on, not again when imported. */
  readonly #matched = new WeakSet<Block>();

  constructor(limits: ImportLimits, modules: ImportModules) {
    this.#limits = limits;
    this.#modules = modules;
    this.#invalid = new Lru(limits.knownInvalidMax);
  }

  /** Steps 1 to 3, for gossip: reads only. */
  preCheck(block: Block, how: ImportHow): PreCheck {
    const examined = this.#examine(block, how);
    switch (examined.kind) {
      case 'fit':
        return { verdict: 'accept', code: null, retain: true };
      case 'known':
        return { verdict: 'ignore', code: 'BLOCK_KNOWN', retain: how.justification !== null };
      case 'orphan':
        return { verdict: 'ignore', code: 'BLOCK_ORPHAN', retain: true };
      case 'later':
        return { verdict: 'ignore', code: examined.code, retain: true };
      case 'unwanted':
        return { verdict: 'ignore', code: examined.code, retain: false };
      case 'stale':
        return { verdict: 'ignore', code: 'BLOCK_STALE', retain: false };
      case 'invalid':
        return { verdict: examined.blame ? 'reject' : 'ignore', code: examined.code, retain: false };
    }
  }

  /** The whole way. To be run by one writer. Rejects only with this node's own trouble (a disk, a lost invariant). */
  async import(block: Block, how: ImportHow): Promise<ImportOutcome> {
    const examined = this.#examine(block, how);
    if (examined.kind === 'orphan') this.#keepOrphan(examined.hash, block, how);
    if (examined.kind !== 'fit') return examined;
    const { hash, parent, author } = examined;
    const executed = await this.#execute(block, parent, author, how);
    if (typeof executed === 'string') {
      this.#invalid.set(hash, executed);
      return { kind: 'invalid', hash, code: executed, blame: how.origin === 'sync', acceptedAuthor: author };
    }
    const { result, transactions } = executed;
    const { state, receipts, consensus } = result;
    const mintedWei = result.issued - result.destroyed;
    // The body's bytes become those of the transactions, which the pool holds too; what the block came in can go.
    const own: Block = {
      header: block.header,
      body: { ...block.body, transactions: transactions.map((tx) => tx.raw) },
    };
    if (how.origin !== 'replay') await this.#modules.blocks.putUnfinalized(own, hash);
    const executedBlock = { state, receipts, consensus, mintedWei };
    const node = new BlockNode({ hash, block: own, author, transactions, executed: executedBlock });
    this.#modules.tree.add(node);
    return { kind: 'imported', hash, node };
  }

  /** For a block that is not even looked at now. */
  turnAway(block: Block, code: string): ImportOutcome {
    return { kind: 'later', hash: headerHash(block.header), code };
  }

  #examine(block: Block, how: ImportHow): Examined {
    const { tree, env, orphans } = this.#modules;
    const { header } = block;
    const hash = headerHash(header);
    if (tree.get(hash) !== undefined) return { kind: 'known', hash };
    const known = this.#invalid.get(hash);
    if (known !== undefined) {
      return { kind: 'invalid', hash, code: known, blame: how.origin === 'sync', acceptedAuthor: null };
    }
    const fault = headerFault(block, env.config);
    if (fault !== null) return cheaply(hash, fault);
    if (header.number <= tree.root.number) {
      const canonical = this.#modules.blocks.canonicalHash(header.number);
      return { kind: canonical === hash ? 'known' : 'stale', hash };
    }
    // Its parent is as high as our finalized block, and another.
    if (header.number === tree.root.number + 1 && header.parentHash !== tree.root.hash) return { kind: 'stale', hash };
    const parent = tree.get(header.parentHash);
    if (parent === undefined && this.#invalid.has(header.parentHash)) {
      return {
        kind: 'invalid',
        hash,
        code: 'BLOCK_PARENT_INVALID',
        blame: how.origin === 'sync',
        acceptedAuthor: null,
      };
    }
    if (parent === undefined) return { kind: 'orphan', hash, missing: orphans.missingAncestor(header.parentHash) };
    const lineage = lineageFault(header, parent.header);
    if (lineage !== null) return cheaply(hash, lineage);
    if (tree.size >= this.#limits.treeNodesMax && parent !== tree.head)
      return { kind: 'later', hash, code: 'TREE_FULL' };
    return this.#examineWithParent(block, hash, parent, how);
  }

  #examineWithParent(block: Block, hash: Hash, parent: BlockNode, how: ImportHow): Examined {
    const { judge, verifyMessage } = this.#modules;
    const { header, body } = block;
    const author = this.#author(header, hash);
    if (author === null) return cheaply(hash, 'BLOCK_SEAL');
    const matched = this.#matched.has(block);
    const votes = matched ? null : votesFault(block);
    if (votes !== null) return cheaply(hash, votes);
    if (!body.votes.every(verifyMessage)) return cheaply(hash, 'BLOCK_VOTE_SIGNATURE');
    const { origin, now, justification, peer } = how;
    const received: HowReceived = { origin, now, justification, peer, votes: body.votes };
    const verdict = judge().checkHeader(header, parent.header, author, received);
    if (verdict.kind === 'reject') return cheaply(hash, verdict.code);
    if (verdict.kind === 'later') return { ...verdict, hash };
    if (verdict.kind === 'ignore') return { kind: 'unwanted', hash, code: verdict.code };
    const transactions = matched ? null : transactionsFault(block);
    if (transactions !== null) return cheaply(hash, transactions);
    this.#matched.add(block);
    return { kind: 'fit', hash, parent, author };
  }

  #author(header: Header, hash: Hash): Address | null {
    const known = this.#authors.get(hash);
    if (known !== undefined) return known;
    try {
      const author = this.#modules.judge().author(header);
      this.#authors.set(hash, author);
      return author;
    } catch {
      // Whatever the engine throws, it names nobody; an engine from elsewhere has errors of its own.
      return null;
    }
  }

  /** The result, or the code of what makes the block invalid. */
  async #execute(
    block: Block,
    parent: BlockNode,
    author: Address,
    how: ImportHow,
  ): Promise<{ result: Executed; transactions: readonly Transaction[] } | string> {
    const { env, execute } = this.#modules;
    const { header, body } = block;
    try {
      const transactions = how.prepared?.transactions ?? (await this.#resolve(body.transactions));
      const result =
        how.prepared?.executed ??
        (await execute(env, parentState(parent), {
          number: header.number,
          timeMs: header.timeMs,
          beneficiary: header.beneficiary,
          author,
          gasLimit: header.gasLimit,
          baseFeePerGas: header.baseFeePerGas,
          extra: header.extra,
          transactions,
          evidence: body.evidence,
          votes: body.votes,
        }));
      return outcomeFault(header, result) ?? { result, transactions };
    } catch (error) {
      if (error instanceof CodecError) return 'BLOCK_TX_MALFORMED';
      if (error instanceof ParleyError && error.code.startsWith('BLOCK_')) return error.code;
      throw error;
    }
  }

  /** Throws CodecError on one that is no transaction. */
  async #resolve(raws: readonly Bytes[]): Promise<readonly Transaction[]> {
    const { transactions, env } = this.#modules;
    const resolved: Transaction[] = [];
    for (const raw of raws) {
      if (resolved.length % RECOVERIES_PER_TURN === RECOVERIES_PER_TURN - 1) await env.pause?.();
      resolved.push(transactions.resolve(raw));
    }
    return resolved;
  }

  #keepOrphan(hash: Hash, block: Block, how: ImportHow): void {
    const { tree, orphans } = this.#modules;
    if (how.origin === 'replay' || block.header.number > tree.head.number + this.#limits.orphanDistanceMax) return;
    // Another body under this hash would keep the right one out.
    if (orphans.has(hash) || votesFault(block) !== null || transactionsFault(block) !== null) return;
    const orphan: Orphan = {
      hash,
      block,
      sizeBytes: blockSizeBound(block),
      origin: how.origin,
      justification: how.justification,
      peer: how.peer,
    };
    orphans.add(orphan);
  }
}

/** What execution and the builder stand on. */
export function parentState(node: BlockNode): Parameters<typeof executeBlock>[1] {
  const { hash, header, executed } = node;
  return { hash, header, state: executed.state, consensus: executed.consensus };
}

function cheaply(hash: Hash, code: string): Extract<ImportOutcome, { kind: 'invalid' }> {
  return { kind: 'invalid', hash, code, blame: true, acceptedAuthor: null };
}
