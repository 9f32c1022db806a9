import type { BlockNode } from '../../src/chain/block-node.ts';
import { ORPHAN_LIMITS } from '../../src/chain/orphans.ts';
import type { HeadChange } from '../../src/chain/tree.ts';
import { decodeBlock, decodeBlockWithProof } from '../../src/codec/block.ts';
import { EngineConsensusApi } from '../../src/node/consensus-api.ts';
import type { Machine } from '../../src/node/machine.ts';
import type { BatchOp } from '../../src/ports/kv.ts';
import type { GossipTopic, GossipVerdict } from '../../src/ports/network.ts';
import type { BlockRef } from '../../src/types/block.ts';
import type { Address, Bytes, Hash, PeerId } from '../../src/types/primitives.ts';
import { CodecError } from '../../src/util/errors.ts';
import { KEYSPACE } from '../../storage/keyspace.ts';
import type { SimNode } from './node.ts';
import type { Statements } from './statements.ts';
import type { Supply } from './supply.ts';
import type { Trace } from './trace.ts';
import { messageIn } from './voice.ts';

/** Blocks in a node's tree at any time: a run makes far fewer unless something piles up. */
const TREE_BLOCKS_MAX = 2_000;
/** Of the gauges that a node shows to everybody. */
const ORPHANS_GAUGE = 'parley_orphan_blocks';

export type CheckersOptions = {
  /** The engine's counter of messages that it keeps, and the most there may be of one validator. */
  readonly kept: readonly [counter: string, perValidatorMax: number] | null;
  /** Who may be, or have been until a moment ago, a validator. */
  readonly votersMax: number;
};

export type CheckersModules = {
  readonly trace: Trace;
  readonly statements: Statements;
  readonly supply: Supply;
  /** Addresses that must not be punished, a candidate's among them. */
  readonly honest: ReadonlySet<Address>;
  /** Those among the first validators: they must stay. */
  readonly validators: ReadonlySet<Address>;
  readonly isHonest: (name: PeerId) => boolean;
  readonly nameOf: (author: Address) => string;
};

/**
 * What must hold on every honest node at every time, whatever the engine: all finalized blocks are on one chain, finality
 * never goes back (not even by a restart), the head descends from it, one block has one state, no coin is made or lost, no
 * honest validator is punished, no honest peer is blamed, and nobody says two things in one place.
 */
export class Checkers {
  readonly #options: CheckersOptions;
  readonly #modules: CheckersModules;
  readonly #finalAt = new Map<number, { readonly hash: Hash; readonly by: PeerId }>();
  readonly #finalOf = new Map<PeerId, BlockRef>();
  /** What a client can ask of each node that is up. */
  readonly #apis = new Map<PeerId, EngineConsensusApi>();
  readonly #stateRoots = new Map<Hash, Hash>();
  #reorgs = 0;

  constructor(options: CheckersOptions, modules: CheckersModules) {
    this.#options = options;
    this.#modules = modules;
  }

  get reorgs(): number {
    return this.#reorgs;
  }

  /** The highest block that any honest node holds for final. */
  get finalNumber(): number {
    return Math.max(0, ...this.#finalAt.keys());
  }

  /** A database was opened: what was final before is final now. */
  opened(node: SimNode, machine: Machine): void {
    const { chain } = machine.ledger;
    const { trace, supply } = this.#modules;
    const { number, hash } = chain.finalized;
    const before = this.#finalOf.get(node.name);
    if (node.isHonest && before !== undefined && number < before.number) {
      trace.violated(
        'FINALITY_REVERTED',
        `${node.name} had block ${before.number} final, after a restart only ${number}`,
      );
    }
    for (let at = (before?.number ?? -1) + 1; at <= number; at++) {
      const known = chain.canonicalHash(at);
      if (known === undefined) trace.violated('BLOCK_MISSING', `${node.name} has no block ${at} below its final one`);
      else this.#final(node, { number: at, hash: known });
      // It may have died in the very moment of finality, before anybody heard of the block.
      const header = known === undefined || at === number ? undefined : chain.blockByHash(known)?.header;
      if (known !== undefined && header !== undefined && at > 0) supply.pass(known, header);
    }
    if (number > 0) supply.check(chain.finalized);
    trace.tell(node.name, `opens at final ${number} ${hash.slice(0, 10)}`);
    this.#apis.set(node.name, new EngineConsensusApi(machine, () => 0));
    chain.onHead((change) => this.#headMoved(node, machine, change));
    chain.onFinalized((path) => this.#finalized(node, path));
  }

  /** A client may have asked until the last moment: what it was told is final from then on. */
  died(node: SimNode): void {
    const told = this.#apis.get(node.name)?.status()['finalized'] as BlockRef | undefined;
    this.#apis.delete(node.name);
    if (told !== undefined) this.#final(node, told);
  }

  published(node: SimNode, topic: GossipTopic, data: Bytes): void {
    try {
      this.#stated(topic, data);
    } catch (error) {
      // Adversaries say garbage.
      if (node.isHonest || !(error instanceof CodecError)) throw error;
    }
  }

  /** Blocks that are stored were sealed, whether or not anybody heard of them. */
  wrote(ops: readonly BatchOp[]): void {
    for (const { key, value } of ops) {
      if (key[0] === KEYSPACE.block && value !== null) this.#modules.statements.block(decodeBlock(value));
    }
  }

  heard(node: SimNode, topic: GossipTopic, from: PeerId, verdict: GossipVerdict): void {
    if (verdict !== 'reject' || !node.isHonest || !this.#modules.isHonest(from)) return;
    this.#modules.trace.violated('HONEST_REJECTED', `${node.name} rejected a message (${topic}) of ${from}`);
  }

  blamed(node: SimNode, peer: PeerId, code: string): void {
    if (!node.isHonest || !this.#modules.isHonest(peer)) return;
    this.#modules.trace.violated('HONEST_BLAMED', `${node.name} blamed ${peer}: ${code}`);
  }

  #stated(topic: GossipTopic, data: Bytes): void {
    const { statements } = this.#modules;
    if (topic === 'block') statements.block(decodeBlockWithProof(data).block);
    // Evidence is a repetition of what was said.
    const message = messageIn(topic, data);
    if (message !== null) statements.encodedMessage(message);
  }

  #headMoved(node: SimNode, machine: Machine, { added, removed }: HeadChange): void {
    const { trace, supply, nameOf } = this.#modules;
    const { chain } = machine.ledger;
    const { head } = chain;
    const reorg = removed.length === 0 ? '' : ` (reorg -${removed.length} +${added.length})`;
    trace.tell(node.name, `head ${head.number} ${head.hash.slice(0, 10)} by ${nameOf(head.author)}${reorg}`);
    if (removed.length > 0) this.#reorgs++;
    if (!chain.isAncestor(chain.finalized.hash, head.hash)) {
      trace.violated(
        'HEAD_OFF_FINALITY',
        `${node.name}'s head ${head.number} does not descend from ${chain.finalized.number}`,
      );
    }
    for (const block of added) {
      supply.check(block);
      this.#oneState(node, block);
    }
    if (!node.isHonest) return;
    this.#nobodyPunished(node, head);
    this.#bounded(node, machine);
  }

  #bounded(node: SimNode, { ledger }: Machine): void {
    const { trace } = this.#modules;
    const { kept: limit, votersMax } = this.#options;
    const { tree } = ledger.chain;
    const orphans = node.gauge(ORPHANS_GAUGE);
    if (tree.size > TREE_BLOCKS_MAX || orphans > ORPHAN_LIMITS.countMax) {
      trace.violated('MEMORY', `${node.name} keeps ${tree.size} blocks and ${orphans} orphans`);
    }
    if (limit === null) return;
    const [counter, perValidatorMax] = limit;
    const kept = ledger.engine.describe().counters[counter] ?? 0;
    const keptMax = perValidatorMax * votersMax;
    if (kept > keptMax) trace.violated('MEMORY', `${node.name} keeps ${kept} messages (${counter}), over ${keptMax}`);
  }

  #oneState(node: SimNode, block: BlockNode): void {
    const { root } = block.executed.state;
    const known = this.#stateRoots.get(block.hash) ?? root;
    this.#stateRoots.set(block.hash, known);
    if (root === known && root === block.header.stateRoot) return;
    this.#modules.trace.violated(
      'STATE_ROOT',
      `${node.name} has state ${root} after block ${block.number}, not ${known}`,
    );
  }

  #nobodyPunished(node: SimNode, head: BlockNode): void {
    const { trace, honest, validators } = this.#modules;
    const known = head.executed.consensus.validators;
    const missing = [...validators].filter((address) => !known.some((validator) => validator.address === address));
    const jailed = known.filter(({ address, jailed: isJailed }) => isJailed && honest.has(address));
    for (const address of [...missing, ...jailed.map((validator) => validator.address)]) {
      trace.violated('HONEST_PUNISHED', `${node.name}'s block ${head.number} has no place for honest ${address}`);
    }
  }

  #finalized(node: SimNode, path: readonly BlockNode[]): void {
    for (const { number, hash } of path) this.#final(node, { number, hash });
    const last = path.at(-1);
    if (last !== undefined) this.#modules.trace.tell(node.name, `final ${last.number} ${last.hash.slice(0, 10)}`);
  }

  #final(node: SimNode, block: BlockRef): void {
    const { trace } = this.#modules;
    const before = this.#finalOf.get(node.name);
    if (before === undefined || block.number > before.number) this.#finalOf.set(node.name, block);
    if (!node.isHonest) return;
    const known = this.#finalAt.get(block.number);
    if (known === undefined) this.#finalAt.set(block.number, { hash: block.hash, by: node.name });
    else if (known.hash !== block.hash) {
      const ours = `${node.name} has block ${block.number} ${block.hash.slice(0, 10)} final`;
      trace.violated('AGREEMENT', `${ours}, ${known.by} has ${known.hash.slice(0, 10)}`);
    }
  }
}
