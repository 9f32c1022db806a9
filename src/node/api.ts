import type { UnsignedTransaction } from '../codec/transaction.ts';
import type { Faulty } from '../ports/network.ts';
import type { Account } from '../types/account.ts';
import type { Block, BlockRef } from '../types/block.ts';
import type { ProvenOffence } from '../types/evidence.ts';
import type { Address, Bytes, Hash, Hex, JsonObject, JsonValue, Millis } from '../types/primitives.ts';
import type { Log, Receipt } from '../types/receipt.ts';
import type { TraceOptions, TransactionTrace } from '../types/trace.ts';
import type { AccessList, Transaction } from '../types/transaction.ts';
import type { SimulatedBlock, SimulationRequest } from './simulation-api.ts';

export type { Faulty, NetworkFaults } from '../ports/network.ts';
export type * from './simulation-api.ts';

/**
 * What the RPC may ask of a node, and the only thing it knows of one. Reads are synchronous where LevelDB is; nothing
 * here throws for "not found" (that is null), and refusals are ParleyErrors whose codes rpc/errors.ts maps.
 */
export interface NodeApi {
  readonly chainId: number;
  readonly clientVersion: string;
  /** null: this node signs for nobody. */
  readonly accounts: Accounts | null;
  /** null: this node keeps no keystore accounts. */
  readonly wallet: WalletApi | null;
  readonly chain: ChainApi;
  readonly pool: PoolApi;
  readonly network: NetworkApi;
  readonly consensus: ConsensusApi;
  readonly events: NodeEvents;
  execute(call: CallRequest, at: BlockView, overrides?: Overrides): Promise<CallResult>;
  /** Smallest gas limit with which the call succeeds. Throws ParleyError EXECUTION_REVERTED (data.output: Hex) or another refusal. */
  estimateGas(call: CallRequest, at: BlockView, overrides?: Overrides): Promise<number>;
  createAccessList(call: CallRequest, at: BlockView, overrides?: Overrides): Promise<AccessListResult>;
  /** Throws ParleyError SIMULATION_* where a call could be in no block, CodecError TX_* where it is no transaction. */
  simulateBlocks(request: SimulationRequest, at: BlockView): Promise<readonly SimulatedBlock[]>;
  /** Nonce, fees and gas where missing, for whoever signs elsewhere. Throws as `estimateGas`. */
  fillTransaction(request: SendRequest): Promise<UnsignedTransaction>;
  /** null: this node is of no devnet, and nobody may harm its network. */
  readonly faults: Faulty | null;
  readonly trace: TraceApi;
  readonly rules: ChainRules;
  /** Blocks of peers that were refused as invalid, the newest first. Some: they are in memory, and bounded. */
  badBlocks(): readonly BadBlock[];
  health(): Health;
}

/**
 * What ran, told in detail; the answers have the form of their tracer. Throws ParleyError EXECUTION_TRACE_LIMIT, EXECUTION_TIMEOUT, and for
 * blocks EXECUTION_GENESIS or STATE_PRUNED (of the parent).
 */
export interface TraceApi {
  transaction(at: BlockView, index: number, options: TraceOptions): Promise<JsonValue>;
  block(at: BlockView, options: TraceOptions): Promise<readonly TransactionTrace[]>;
  /** In the block, on the state after it. Throws as `execute`. */
  call(call: CallRequest, at: BlockView, options: TraceOptions, overrides?: Overrides): Promise<JsonValue>;
}

/** What is the same on every node of the chain, from genesis on. */
export type ChainRules = {
  /** EIP-6122: 4 bytes. */
  readonly forkHash: Hex;
  /** By the names of EIP-7910. */
  readonly precompiles: ReadonlyMap<string, Address>;
  readonly systemContracts: ReadonlyMap<string, Address>;
};

export type BadBlock = {
  readonly hash: Hash;
  readonly block: Block;
  /** As it came. */
  readonly encoded: Bytes;
};

export type BlockTag = 'latest' | 'pending' | 'safe' | 'finalized' | 'earliest';

/** A block with everything the RPC shows of it. */
export type BlockView = {
  readonly hash: Hash;
  readonly block: Block;
  readonly sizeBytes: number;
  /** Decoded lazily; senders known without a new recovery. */
  transactions(): readonly Transaction[];
  receipts(): readonly Receipt[];
  /** On the current canonical chain. */
  readonly canonical: boolean;
};

export type LocatedTransaction = {
  readonly transaction: Transaction;
  readonly view: BlockView;
  readonly index: number;
};

export type ProofView = {
  readonly account: Account;
  readonly accountProof: readonly Hex[];
  readonly storageProof: readonly { readonly key: Hash; readonly value: Hash; readonly proof: readonly Hex[] }[];
};

export interface ChainApi {
  head(): BlockView;
  byTag(tag: BlockTag): BlockView | null;
  /** Canonical chain. */
  byNumber(number: number): BlockView | null;
  /** Any block still stored. */
  byHash(hash: Hash): BlockView | null;
  transaction(hash: Hash): LocatedTransaction | null;
  /** State after the block. ParleyError STATE_PRUNED when it is gone. */
  account(address: Address, at: BlockView): Account;
  storage(address: Address, slot: Hash, at: BlockView): Hash;
  code(address: Address, at: BlockView): Bytes;
  proof(address: Address, slots: readonly Hash[], at: BlockView): ProofView;
  /** Base fee of the block that would follow. */
  nextBaseFee(after: BlockView): bigint;
  /** null: in step with the network. */
  syncing(): SyncProgress | null;
  /** The oldest canonical block that is kept, and the oldest one whose state is. */
  readonly oldest: { readonly block: number; readonly state: number };
}

export type SyncProgress = {
  readonly startingBlock: number;
  readonly currentBlock: number;
  readonly highestBlock: number;
};

export interface PoolApi {
  /**
   * Decodes, checks, journals and gossips. Resolves with the hash when it can no longer be lost. Throws CodecError (TX_*) or
   * ParleyError: POOL_NONCE_TOO_LOW, POOL_NONCE_TOO_HIGH, POOL_ALREADY_KNOWN, POOL_UNDERPRICED, POOL_REPLACEMENT_UNDERPRICED,
   * POOL_INSUFFICIENT_FUNDS, POOL_GAS_LIMIT, POOL_INTRINSIC_GAS, POOL_FEE_BELOW_BASE, POOL_WRONG_CHAIN, POOL_FULL, POOL_SENDER_LIMIT,
   * POOL_BUSY (the lock timed out), POOL_INIT_CODE_SIZE, POOL_SENDER_NOT_EOA.
   */
  submit(raw: Bytes): Promise<Hash>;
  get(hash: Hash): Transaction | null;
  /** The nonce the next transaction of this sender should use, pool included. */
  pendingNonce(address: Address): number;
  content(): { readonly pending: PoolListing; readonly queued: PoolListing };
  status(): { readonly pending: number; readonly queued: number };
}
export type PoolListing = ReadonlyMap<Address, readonly Transaction[]>;

/**
 * Accounts that the node signs for: a devnet's, which are always unlocked, and those of its wallet. With a `password` a
 * keystore account is opened for this one signature, whether it is unlocked or not; a devnet's account needs none. All throw
 * ACCOUNT_UNKNOWN when the node has no key for the address, ACCOUNT_LOCKED without a password, and with one as WalletApi.unlock.
 */
export interface Accounts {
  /** Locked ones too. */
  list(): readonly Address[];
  /** Fills nonce, fees and gas where missing, signs and submits; nonces of one account are handed out one at a time. */
  send(request: SendRequest, password?: string): Promise<Hash>;
  /** Signs without sending; canonical bytes. */
  signTransaction(request: SendRequest, password?: string): Promise<Bytes>;
  /** EIP-191 personal message. 65 bytes, v 27 or 28. */
  signMessage(address: Address, message: Bytes, password?: string): Promise<Hex>;
  /** A 32-byte digest that the RPC computed (EIP-712). v 27 or 28. */
  signDigest(address: Address, digest: Hash, password?: string): Promise<Hex>;
}

export type WalletAccount = {
  readonly address: Address;
  /** Name of the key file, without its directory. */
  readonly file: string;
  readonly isUnlocked: boolean;
  /** When it locks itself; null: not unlocked, or for as long as the node runs. */
  readonly untilMs: Millis | null;
};

/** The node's keystore accounts. Every call that takes a password may be refused with WALLET_BUSY. */
export interface WalletApi {
  accounts(): readonly WalletAccount[];
  /** A new key, encrypted under the password. Throws WALLET_FULL or KEYSTORE_UNWRITABLE. */
  create(password: string): Promise<Address>;
  /** Takes 32 bytes over and overwrites them. Throws as `create`, KEYSTORE_EXISTS, or CRYPTO_PRIVATE_KEY. */
  importKey(privateKey: Bytes, password: string): Promise<Address>;
  /**
   * `durationSeconds`: whole; 0: until it is locked or the node stops. Throws ACCOUNT_UNKNOWN, KEYSTORE_PASSWORD, KEYSTORE_MALFORMED,
   * KEYSTORE_UNREADABLE, ACCOUNT_PAUSED (too many wrong passwords), WALLET_DURATION, or WALLET_FULL.
   */
  unlock(address: Address, password: string, durationSeconds: number): Promise<void>;
  /** Whether the account is known, and so locked now. */
  lock(address: Address): boolean;
  lockAll(): void;
}

export type SendRequest = {
  readonly from: Address;
  readonly to?: Address | null;
  readonly value?: bigint;
  readonly data?: Bytes;
  readonly nonce?: number;
  readonly gasLimit?: number;
  readonly gasPrice?: bigint;
  readonly maxFeePerGas?: bigint;
  readonly maxPriorityFeePerGas?: bigint;
  readonly accessList?: AccessList;
  readonly type?: 0 | 1 | 2;
};

export type CallRequest = {
  readonly from?: Address;
  readonly to?: Address | null;
  readonly value?: bigint;
  readonly data?: Bytes;
  readonly gasLimit?: number;
  readonly gasPrice?: bigint;
  readonly maxFeePerGas?: bigint;
  readonly maxPriorityFeePerGas?: bigint;
  readonly accessList?: AccessList;
};

export type CallResult = {
  readonly status: 'success' | 'reverted' | 'failed';
  readonly output: Bytes;
  readonly gasUsed: number;
  /** For people, when not a success: "out of gas", "invalid opcode" … */
  readonly reason: string | null;
  readonly logs: readonly Log[];
};

/** What a simulated call finds other than it is. */
export type Overrides = {
  readonly accounts?: ReadonlyMap<Address, AccountOverride>;
  readonly block?: BlockOverride;
};

export type AccountOverride = {
  readonly balance?: bigint;
  readonly nonce?: number;
  readonly code?: Bytes;
  /** All there is in storage. */
  readonly state?: ReadonlyMap<Hash, Hash>;
  /** Words in place of those that are there. */
  readonly stateDiff?: ReadonlyMap<Hash, Hash>;
};

export type BlockOverride = {
  readonly number?: number;
  readonly timeMs?: Millis;
  readonly gasLimit?: number;
  readonly baseFeePerGas?: bigint;
  readonly beneficiary?: Address;
};

export type AccessListResult = {
  readonly accessList: AccessList;
  readonly gasUsed: number;
  /** For people; null: the call succeeded. */
  readonly error: string | null;
};

export interface NetworkApi {
  readonly peerId: string;
  addresses(): readonly string[];
  peers(): readonly {
    readonly id: string;
    readonly addresses: readonly string[];
    readonly direction: 'inbound' | 'outbound';
    readonly score: number;
    readonly head: BlockRef | null;
    readonly finalized: BlockRef | null;
  }[];
  /**
   * Connects to a peer by its multiaddress, and stays at it. Rejects with ParleyError NETWORK_ADDRESS (malformed, or too many
   * known) or NETWORK_UNREACHABLE (not now; it is tried on).
   */
  connect(address: string): Promise<void>;
}

export interface ConsensusApi {
  readonly engine: string;
  /** JSON of EngineStatus: heights as numbers, powers as decimal strings. `fault` is set when the engine has stopped. */
  status(): JsonObject;
  /** This node's part in making blocks. */
  production(): Production;
  /** Validators after the block. */
  validators(at: BlockView): readonly { readonly address: Address; readonly power: bigint; readonly jailed: boolean }[];
  /** What the block punishes. */
  offences(at: BlockView): readonly ProvenOffence[];
  /** Proven to this node, and punished in no final block yet. */
  offencesWaiting(): readonly ProvenOffence[];
  /** EIP-225 style proposals of this node. ParleyError CONSENSUS_UNSUPPORTED where the engine has none. */
  propose(subject: Address, authorize: boolean): void;
  discard(subject: Address): void;
  proposals(): readonly { readonly subject: Address; readonly authorize: boolean }[];
}

export type Production = {
  /** Whom its blocks pay; null: it has no validator key. */
  readonly beneficiary: Address | null;
  readonly isProducing: boolean;
  /** Hashes a second over the last seconds; 0 without proof of work. */
  readonly hashRate: number;
};

export type HeadEvent = {
  /** Newly canonical, ascending. */
  readonly added: readonly BlockView[];
  /** No longer canonical, descending; empty without a reorg. */
  readonly removed: readonly BlockView[];
};

export type NodeEventMap = {
  readonly head: HeadEvent;
  readonly finalized: BlockRef;
  readonly pendingTransaction: Transaction;
  readonly fault: { readonly reason: string };
};

export interface NodeEvents {
  /** Returns the unsubscriber. Listeners run synchronously and must not throw. */
  on<K extends keyof NodeEventMap>(name: K, listener: (event: NodeEventMap[K]) => void): () => void;
}

export type Health = {
  readonly status: 'ok' | 'degraded' | 'faulted';
  readonly head: BlockRef;
  readonly headAgeMs: Millis;
  readonly peers: number;
  readonly reasons: readonly string[];
};
