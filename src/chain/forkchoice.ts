/**
 * Carries out an engine's decision {head, safe, finalized}. Whatever the engine, finality never moves sideways or back,
 * `finalized` <= `safe` <= `head` on one branch, and all three are blocks of the tree; an engine that says otherwise has
 * lost its mind and must be stopped, so nothing of such a decision is applied.
 *
 * Finality is one atomic synced batch: the blocks with receipts and indexes, the state, the pointer with the engine's
 * anchor, the proof, the end of dead forks. Only when it is on disk does memory follow, and only then is anybody told.
 */
import type { BlockStore, FinalizedPointer } from '../ports/stores.ts';
import type { StateBase } from '../state/base.ts';
import type { Bytes, Hash } from '../types/primitives.ts';
import { ParleyError } from '../util/errors.ts';
import { bytesEqual } from '../util/hex.ts';
import type { BlockNode } from './block-node.ts';
import type { BlockTree, FinalityPlan, HeadChange } from './tree.ts';

export type ForkchoiceRequest = {
  readonly head: Hash;
  readonly safe: Hash;
  readonly finalized: Hash;
  readonly justification?: Bytes;
  readonly anchor?: Bytes;
};

/** What was done. */
export type ForkchoiceChange = {
  /** null: the head stayed. */
  readonly head: HeadChange | null;
  /** null: finality stayed. */
  readonly finality: FinalityPlan | null;
};

export type ForkchoiceModules = {
  readonly tree: BlockTree;
  readonly blocks: BlockStore;
  readonly state: StateBase;
  /** Stored blocks that are not in the tree: they die when finality passes them. */
  readonly leftovers: Map<Hash, number>;
};

type Decision = { readonly head: BlockNode; readonly safe: BlockNode; readonly finalized: BlockNode };

export class Forkchoice {
  readonly #modules: ForkchoiceModules;
  #pointer: FinalizedPointer;
  #safe: BlockNode;

  constructor(pointer: FinalizedPointer, modules: ForkchoiceModules) {
    this.#pointer = pointer;
    this.#modules = modules;
    this.#safe = modules.tree.root;
  }

  /** As stored. */
  get pointer(): FinalizedPointer {
    return this.#pointer;
  }

  get safe(): BlockNode {
    return this.#safe;
  }

  /** Throws ParleyError FORKCHOICE_INVALID with nothing changed; rejects with the store's error when the batch fails. */
  async apply(request: ForkchoiceRequest): Promise<ForkchoiceChange> {
    const { tree } = this.#modules;
    const decision = this.#decide(request);
    const finality = decision.finalized === tree.root ? null : tree.planFinality(decision.finalized);
    await this.#write(request, decision, finality);
    const head = decision.head === tree.head ? null : tree.moveHead(decision.head);
    if (finality !== null) tree.reroot(finality);
    this.#safe = decision.safe;
    return { head, finality };
  }

  #decide(request: ForkchoiceRequest): Decision {
    const { tree } = this.#modules;
    const find = (role: keyof Decision): BlockNode => {
      const node = tree.get(request[role]);
      if (node === undefined)
        throw invalid(`the ${role} block is not in the tree, or finality moves back or sideways`, request);
      return node;
    };
    const decision = { head: find('head'), safe: find('safe'), finalized: find('finalized') };
    if (!tree.isAncestor(request.finalized, request.safe))
      throw invalid('safe does not descend from finalized', request);
    if (!tree.isAncestor(request.safe, request.head)) throw invalid('head does not descend from safe', request);
    return decision;
  }

  async #write(request: ForkchoiceRequest, decision: Decision, finality: FinalityPlan | null): Promise<void> {
    const { blocks, state, leftovers } = this.#modules;
    const { finalized } = decision;
    const anchor = request.anchor ?? (finality === null ? this.#pointer.anchor : null);
    const justification = request.justification ?? null;
    if (finality === null && !this.#isNews(finalized.hash, anchor, justification)) return;
    const pointer = { hash: finalized.hash, number: finalized.number, stateRoot: finalized.header.stateRoot, anchor };
    const step = finality === null ? null : state.prepareFinalize(finalized.executed.state);
    const lost = [...leftovers].filter(([, number]) => number <= finalized.number);
    await blocks.finalize({
      blocks: (finality?.path ?? []).map(({ hash, block, executed, transactions }) => ({
        hash,
        block,
        receipts: executed.receipts,
        transactionHashes: transactions.map((transaction) => transaction.hash),
      })),
      pointer,
      justification,
      dead: [
        ...(finality?.dead ?? []).map(({ hash, number }) => ({ hash, number })),
        ...lost.map(([hash, number]) => ({ hash, number })),
      ],
      stateOps: step?.ops ?? [],
    });
    step?.commit();
    for (const [hash] of lost) leftovers.delete(hash);
    this.#pointer = pointer;
  }

  /** Without a step of finality there may still be a new anchor, or a proof that came late. */
  #isNews(finalized: Hash, anchor: Bytes | null, justification: Bytes | null): boolean {
    const before = this.#pointer.anchor;
    if (anchor !== before && (anchor === null || before === null || !bytesEqual(anchor, before))) return true;
    return justification !== null && this.#modules.blocks.justification(finalized) === undefined;
  }
}

function invalid(reason: string, request: ForkchoiceRequest): ParleyError {
  const { head, safe, finalized } = request;
  return new ParleyError('FORKCHOICE_INVALID', `the engine's decision is impossible: ${reason}`, {
    reason,
    head,
    safe,
    finalized,
  });
}
