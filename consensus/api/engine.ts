import type { Address, Bytes, Hash, JsonObject, PeerId, Signature } from '../../src/types/primitives.ts';
import type { Header } from '../../src/types/block.ts';
import type { SignedMessage } from '../../src/types/message.ts';
import type { Evidence, Offence } from '../../src/types/evidence.ts';
import type { ConsensusState, ValidatorSet } from '../../src/types/validator.ts';
import type { EngineEffect } from './effect.ts';
import type { EngineEvent, Origin } from './event.ts';
import type { StakingSeam } from './staking.ts';
import type { EngineStatus } from './status.ts';
import type { Verdict } from './verdict.ts';

/** The only facts the node may branch on; it never branches on an engine's id. */
export type EngineTraits = {
  readonly finality: 'confirmations' | 'votes' | 'instant';
  /** Sync must bring a proof beside each block. */
  readonly needsJustification: boolean;
  /** Opens the consensus topic. */
  readonly castsMessages: boolean;
  /** Wants the worker pool, and needs no validators. Its parameters know `hashRate`, the hashes a second that a network begins with. */
  readonly usesWork: boolean;
  /** Takes `propose`: an operator's wish about a validator. */
  readonly takesProposals: boolean;
};

/** An engine's constant, stateless side: parameters and pure rules. */
export interface EngineFactory<P = unknown> {
  readonly id: string;
  readonly traits: EngineTraits;
  /** Checks and completes parameters of the config. Throws ConfigError whose data.path names the key. */
  parseParams(json: unknown): P;
  /** Whether a network may stand still, its first block included, while no transaction waits. */
  idles(params: P): boolean;
  /** The genesis block's engine fields. */
  genesis(params: P, state: ConsensusState): { readonly extra: Bytes; readonly seal: Bytes };
  /** Pure; called by execution after a block's transactions. The result is committed to by the block's state root. */
  advance(
    params: P,
    before: ConsensusState,
    header: { readonly number: number; readonly extra: Bytes },
    author: Address,
  ): ConsensusState;
  /** Pure; execution applies the penalty. null: this is no offence. */
  judge(
    params: P,
    evidence: Evidence,
    crypto: EngineCrypto,
    context: { readonly chainId: number; readonly shard: number },
  ): Offence | null;
  /** Of an engine whose validators stake; execution then keeps the staking contract, and `advance` is not called. */
  readonly staking?: StakingSeam<P>;
  /** Wei credited to the beneficiary of a block at this height, on top of tips. */
  blockReward(params: P, height: number): bigint;
  create(params: P, env: EngineEnv, saved: ReadonlyMap<string, Bytes>): Engine;
}

/** Pure functions, allowed inside `step`. */
export interface EngineCrypto {
  keccak256(bytes: Bytes): Hash;
  /** FIPS 180-4, 32 bytes. */
  sha256(bytes: Bytes): Bytes;
  /** null for anything that is not a valid low-s signature. */
  recover(digest: Hash, signature: Signature): Address | null;
  headerHash(header: Header): Hash;
  /** What a proposer signs: the hash of the header without its seal. */
  sealHash(header: Omit<Header, 'seal'>): Hash;
  /** What a validator signs for a message of this chain, shard and engine. */
  messageDigest(payload: Bytes): Hash;
}

export interface EngineEnv {
  readonly chainId: number;
  readonly shard: number;
  /** null: follow only. */
  readonly self: Address | null;
  /** Synchronous view of blocks from the finalized one up. */
  readonly tree: {
    header(hash: Hash): Header | undefined;
    isAncestor(ancestor: Hash, descendant: Hash): boolean;
  };
  readonly crypto: EngineCrypto;
  /** A pure function of the label that only the holder of this validator's key can compute: 32 bytes. null where `self` is. */
  readonly secret: ((label: Bytes) => Bytes) | null;
  /** Uniform in [0, 1); seeded by the host. */
  readonly random: () => number;
  /** Write only. */
  readonly trace: (name: string, fields: JsonObject) => void;
}

export type HowReceived = {
  readonly origin: Origin;
  readonly now: number;
  /** The block's votes, envelopes verified. */
  readonly votes: readonly SignedMessage[];
  readonly justification: Bytes | null;
  readonly peer: PeerId | null;
};

/** One engine instance on one chain. The contract of host and engine is in consensus/README.md. */
export interface Engine {
  /** The one entry that changes state. Synchronous and deterministic; a throw stops the engine for good. */
  step(event: EngineEvent): readonly EngineEffect[];

  /** Reads: they never change state. */
  /** Before execution; the parent is in the tree. `author` is `this.author(header)`, computed once by the host. */
  checkHeader(header: Header, parent: Header, author: Address, how: HowReceived): Verdict;
  /** Before forwarding a gossiped message; the envelope's signature is verified. */
  checkMessage(message: SignedMessage): Verdict;
  /** Throws CodecError when the seal names nobody. */
  author(header: Header): Address;
  /** Who may author and vote on this block; undefined when the block is not in the tree. */
  validatorsFor(block: Hash): ValidatorSet | undefined;
  /** Who may on its children. */
  validatorsAfter(block: Hash): ValidatorSet | undefined;
  describe(): EngineStatus;
}
