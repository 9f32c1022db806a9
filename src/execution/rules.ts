import type { SettledBlock } from '../../consensus/api/staking.ts';
import type { Evidence, Offence } from '../types/evidence.ts';
import type { Address, Bytes, Hash } from '../types/primitives.ts';
import type { Candidate, Settlement, StakingRules } from '../types/staking.ts';
import type { ConsensusState, Validator, ValidatorSet } from '../types/validator.ts';
import type { SystemContracts } from './system-contracts.ts';

/** The engine's pure rules as execution sees them: an EngineFactory with its parameters and crypto bound. */
export type ConsensusRules = {
  advance(
    before: ConsensusState,
    header: { readonly number: number; readonly extra: Bytes },
    author: Address,
  ): ConsensusState;
  /** null: this is no offence. */
  judge(evidence: Evidence): Offence | null;
  /** Where validators stake: takes the place of `advance`. */
  readonly staking?: BoundStaking;
  /** Wei credited to the beneficiary on top of tips. */
  blockReward(height: number): bigint;
};

/** The engine's part of staking, as consensus/api/staking.ts has it. */
export type BoundStaking = {
  readonly rules: StakingRules;
  genesis(genesis: { readonly timeMs: number; readonly validators: ValidatorSet }): Bytes;
  settle(before: ConsensusState, block: SettledBlock): Settlement;
  /** `before`: after `settle`, the engine's new part included. */
  elect(candidates: readonly Candidate[], before: ConsensusState, epoch: number): readonly Validator[];
};

/** Constants of one chain. Pure data; the same on every node of it. */
export type ChainConfig = {
  readonly chainId: number;
  readonly shard: number;
  /** Gas limit of every block: fixed, never voted on. */
  readonly blockGasLimit: number;
  /** Base fee of the genesis block, in wei. */
  readonly baseFeeInitial: bigint;
};

/** What execution needs beside the parent state and the block. Nothing in it may depend on this node or this moment. */
export type ExecutionEnv = {
  readonly config: ChainConfig;
  readonly rules: ConsensusRules;
  /** Hash of the ancestor at this height on the branch that ends in `parent` (opcode BLOCKHASH asks for the last 256). */
  readonly blockHash: (number: number, parent: Hash) => Hash;
  /**
   * Called every few hundred steps of bytecode, so that the host can let other work run (a turn of the event loop). It changes no
   * result. It may throw a ParleyError to break off a simulated call, never while a block is executed. Without it bytecode runs
   * to its end in one go.
   */
  readonly pause?: () => Promise<void>;
  /** Native contracts by reserved address; none where absent. */
  readonly systemContracts?: SystemContracts;
  /** Simulated blocks only: where calls find native code in place of its own address; null: nowhere. */
  readonly movedNatives?: ReadonlyMap<Address, Address | null>;
};

/** What bytecode and fees may know of the block they run in. */
export type BlockContext = {
  readonly number: number;
  readonly timeMs: number;
  readonly beneficiary: Address;
  readonly gasLimit: number;
  readonly baseFeePerGas: bigint;
  readonly parentHash: Hash;
  /** Default: what follows from the parent's hash. Only a simulated block has another. */
  readonly prevRandao?: Hash;
};

/** System account that holds the ConsensusState and the marks of punished offences. Nothing can call it or pay it. */
export const CONSENSUS_ADDRESS: Address = `0x${'0'.repeat(36)}1001`;

/** System account of the staking contract: its coins, and its books in its storage. */
export const STAKING_ADDRESS: Address = `0x${'0'.repeat(36)}1002`;

/** A simulated call gets at most this much gas, whatever it asks for. */
export const CALL_GAS_MAX = 50_000_000;
/** EIP-3860. */
export const INIT_CODE_SIZE_BYTES_MAX = 49_152;
/** EIP-2681 allows 2^64-2; the codec carries safe integers only. */
export const NONCE_MAX = Number.MAX_SAFE_INTEGER - 1;
export const WEI_MAX = 2n ** 256n - 1n;
