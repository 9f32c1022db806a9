import type { Address, Bytes, Hash, Hex, Millis } from './primitives.ts';
import type { SignedMessage } from './message.ts';
import type { Evidence } from './evidence.ts';

/**
 * What is known of a block before it is sealed. Fields keep Ethereum's meaning (yellow paper §4.3). Heights, gas and
 * times are safe integers: the codec refuses anything above 2^53-1.
 */
export type UnsealedHeader = {
  readonly parentHash: Hash;
  /** Receives tips and the block reward. */
  readonly beneficiary: Address;
  /** After this block's execution, rewards and consensus bookkeeping. */
  readonly stateRoot: Hash;
  readonly transactionsRoot: Hash;
  readonly receiptsRoot: Hash;
  /** 256 bytes. */
  readonly logsBloom: Hex;
  readonly number: number;
  readonly gasLimit: number;
  readonly gasUsed: number;
  /** Shown to Ethereum tools as whole seconds (rounded down); the chain itself orders by milliseconds. */
  readonly timeMs: Millis;
  readonly baseFeePerGas: bigint;
  /** keccak256(rlp([evidence, votes])): commits to the parts of the body that are not transactions. */
  readonly consensusRoot: Hash;
  /** Belongs to the engine; opaque to everybody else. Bounded by EXTRA_SIZE_BYTES_MAX. */
  readonly extra: Bytes;
};

/** `seal` (a proposer's signature, or a proof of work) is part of the block hash; the justification never is. */
export type Header = UnsealedHeader & { readonly seal: Bytes };

export type Body = {
  /** Each transaction's canonical bytes (EIP-2718 envelope, or a legacy list). */
  readonly transactions: readonly Bytes[];
  readonly evidence: readonly Evidence[];
  /** Votes that decide finality are counted from here, never from gossip. Those with equal payloads stand together. */
  readonly votes: readonly SignedMessage[];
};

export type Block = { readonly header: Header; readonly body: Body };

/** A block as it travels: its proof of finality beside it, where the sender has one. */
export type BlockWithProof = { readonly block: Block; readonly justification?: Bytes };

export type BlockRef = { readonly hash: Hash; readonly number: number };

export const EXTRA_SIZE_BYTES_MAX = 4096;
export const SEAL_SIZE_BYTES_MAX = 256;
/** Gossip loses messages above 4 MiB without an error, so a whole encoded block stays well under. */
export const BLOCK_SIZE_BYTES_MAX = 2 * 1024 * 1024;
export const VOTES_PER_BLOCK_MAX = 1024;
export const EVIDENCE_PER_BLOCK_MAX = 16;
