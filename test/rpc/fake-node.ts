/**
 * A node small enough to see through: a chain in memory that moves balances, logs what is sent to LOGGER, mines when
 * told, and reorganizes when told. Signatures, hashes and codecs are the real ones; roots and proofs are made up.
 */
import type {
  AccessListResult,
  Accounts,
  BadBlock,
  BlockTag,
  BlockView,
  CallRequest,
  CallResult,
  ChainApi,
  ChainRules,
  ConsensusApi,
  Health,
  LocatedTransaction,
  NetworkApi,
  NodeApi,
  NodeEventMap,
  Overrides,
  PoolApi,
  ProofView,
  SendRequest,
  SimulatedBlock,
  SimulationRequest,
  WalletApi,
} from '../../src/node/api.ts';
import { fillTransaction } from '../../src/node/fill-transaction.ts';
import type { Faulty } from '../../src/ports/network.ts';
import { EMPTY_ACCOUNT, type Account } from '../../src/types/account.ts';
import type { Header } from '../../src/types/block.ts';
import type { ProvenOffence } from '../../src/types/evidence.ts';
import { ZERO_ADDRESS, ZERO_HASH, type Address, type Bytes, type Hash, type Hex } from '../../src/types/primitives.ts';
import type { Log, Receipt } from '../../src/types/receipt.ts';
import type { Transaction } from '../../src/types/transaction.ts';
import { EMPTY_CONSENSUS_ROOT } from '../../src/codec/block.ts';
import { logsBloom } from '../../src/codec/bloom.ts';
import { recoverTransaction, signTransaction, type UnsignedTransaction } from '../../src/codec/transaction.ts';
import { keccak256 } from '../../src/crypto/keccak.ts';
import { personalMessageDigest, signDigestForWallet } from '../../src/crypto/personal-message.ts';
import { addressOf } from '../../src/crypto/secp256k1.ts';
import { ParleyError } from '../../src/util/errors.ts';
import { Emitter } from '../../src/util/emitter.ts';
import { fromHex, toHex } from '../../src/util/hex.ts';
import { FakeBlock } from './fake-block.ts';
import { FakeFaults } from './fake-faults.ts';
import { FakeTrace } from './fake-trace.ts';

/** The first two accounts of the well-known test mnemonic. */
export const KEYS: readonly Hex[] = [
  '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
];
export const ALICE: Address = '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266';
export const BOB: Address = '0x70997970c51812dc3a010c7d01b50e0d17dc79c8';
export const MINER: Address = '0x00000000000000000000000000000000000000ee';
/** A transaction to it logs its data: the first word as topic, the rest as data. */
export const LOGGER: Address = '0x00000000000000000000000000000000000000aa';
/** A call to it gives back its data; REVERTER reverts with it; FAILER runs out of gas; THROWER breaks. */
export const ECHO: Address = '0x00000000000000000000000000000000000000e0';
export const REVERTER: Address = '0x00000000000000000000000000000000000000e1';
export const FAILER: Address = '0x00000000000000000000000000000000000000e2';
export const THROWER: Address = '0x00000000000000000000000000000000000000e3';
export const GENESIS_BALANCE = 10_000n * 10n ** 18n;
export const BASE_FEE = 1_000_000_000n;
const CHAIN_ID = 31_337;
const TRANSFER_GAS = 21_000;
const GENESIS_TIME_MS = 1_700_000_000_500;

export class FakeNode implements NodeApi {
  readonly chainId = CHAIN_ID;
  readonly clientVersion = 'Parley/v0.0.0-test';
  readonly #emitter = new Emitter<NodeEventMap>((error) => {
    throw error;
  });
  readonly #blocks = new Map<Hash, FakeBlock>();
  readonly #pool = new Map<Hash, Transaction>();
  readonly proposed = new Map<Address, boolean>();
  readonly offences = new Map<Hash, ProvenOffence[]>();
  offencesWaiting: readonly ProvenOffence[] = [];
  #canonical: FakeBlock[] = [];
  accounts: Accounts | null = this.#devAccounts();
  wallet: WalletApi | null = null;
  faults: Faulty | null = new FakeFaults();
  syncProgress: ReturnType<ChainApi['syncing']> = null;
  finalizedNumber = 0;
  prunedBelow = 0;
  /** Thrown by the next submit. */
  refuseWith: Error | null = null;
  /** Of the last `execute`. */
  overrides: Overrides = {};
  /** Calls of `execute` wait for it. */
  gate: Promise<void> = Promise.resolve();
  /** Of the last `simulateBlocks`, and what it answers. */
  simulation: SimulationRequest | null = null;
  simulated: readonly SimulatedBlock[] = [];
  bad: readonly BadBlock[] = [];
  readonly rules: ChainRules = {
    forkHash: '0x01234567',
    precompiles: new Map([['ECREC', '0x0000000000000000000000000000000000000001']]),
    systemContracts: new Map(),
  };

  constructor() {
    const state = new Map<Address, Account>(
      [ALICE, BOB].map((a) => [a, { ...EMPTY_ACCOUNT, balance: GENESIS_BALANCE }]),
    );
    this.#append(this.#makeBlock(null, [], state, 0));
  }

  readonly events = { on: this.#emitter.on.bind(this.#emitter) };
  readonly trace = new FakeTrace();

  readonly chain: ChainApi = {
    head: () => this.#head(),
    byTag: (tag) => this.#byTag(tag),
    byNumber: (number) => this.#canonical[number] ?? null,
    byHash: (hash) => this.#blocks.get(hash) ?? null,
    transaction: (hash) => this.#locate(hash),
    account: (address, at) => this.#account(address, at),
    storage: (address, slot) => (address === LOGGER ? slot : ZERO_HASH),
    code: (address) => (address === LOGGER ? fromHex('0x60006000') : new Uint8Array(0)),
    proof: (address, slots, at) => this.#proof(address, slots, at),
    nextBaseFee: () => BASE_FEE,
    syncing: () => this.syncProgress,
    oldest: { block: 0, state: 0 },
  };

  readonly pool: PoolApi = {
    submit: (raw) => this.#submit(raw),
    get: (hash) => this.#pool.get(hash) ?? null,
    pendingNonce: (address) => this.#pendingNonce(address),
    content: () => ({
      pending: new Map(Object.entries(Object.groupBy(this.#pool.values(), (tx) => tx.sender))) as Map<
        Address,
        Transaction[]
      >,
      queued: new Map(),
    }),
    status: () => ({ pending: this.#pool.size, queued: 0 }),
  };

  readonly network: NetworkApi = {
    peerId: 'peer-self',
    addresses: () => ['/ip4/127.0.0.1/tcp/9000'],
    peers: () => [
      {
        id: 'peer-1',
        addresses: ['/ip4/127.0.0.1/tcp/9001'],
        direction: 'outbound',
        score: 0,
        head: { hash: this.#head().hash, number: 1 },
        finalized: null,
      },
    ],
    connect: (address) =>
      address.startsWith('/ip4/')
        ? Promise.resolve()
        : Promise.reject(new ParleyError('NETWORK_ADDRESS', 'not a multiaddress', { address })),
  };

  readonly consensus: ConsensusApi = {
    engine: 'poa',
    status: () => ({ engine: 'poa', role: 'validator', quorum: null }),
    production: () => ({ beneficiary: MINER, isProducing: true, hashRate: 1234.5 }),
    validators: () => [{ address: MINER, power: 1n, jailed: false }],
    offences: (at) => this.offences.get(at.hash) ?? [],
    offencesWaiting: () => this.offencesWaiting,
    propose: (subject, authorize) => void this.proposed.set(subject, authorize),
    discard: (subject) => void this.proposed.delete(subject),
    proposals: () => [...this.proposed].map(([subject, authorize]) => ({ subject, authorize })),
  };

  async execute(call: CallRequest, _: BlockView, overrides: Overrides = {}): Promise<CallResult> {
    await this.gate;
    this.overrides = overrides;
    const output = call.data ?? new Uint8Array(0);
    const base = { output, gasUsed: TRANSFER_GAS, reason: null, logs: [] };
    if (call.to === THROWER) throw new TypeError('secret detail of a bug');
    if (call.to === REVERTER) return { ...base, status: 'reverted' };
    if (call.to === FAILER) return { ...base, status: 'failed', reason: 'out of gas', output: new Uint8Array(0) };
    return { ...base, status: 'success', output: call.to === ECHO ? output : new Uint8Array(0) };
  }

  async estimateGas(call: CallRequest): Promise<number> {
    if (call.to === REVERTER) {
      throw new ParleyError('EXECUTION_REVERTED', 'execution reverted', {
        output: toHex(call.data ?? new Uint8Array(0)),
      });
    }
    return TRANSFER_GAS + (call.data?.length ?? 0) * 16;
  }

  async createAccessList(call: CallRequest): Promise<AccessListResult> {
    const accessList = call.to === LOGGER ? [{ address: LOGGER, storageKeys: [ZERO_HASH] }] : [];
    return { accessList, gasUsed: TRANSFER_GAS, error: call.to === REVERTER ? 'execution reverted' : null };
  }

  async simulateBlocks(request: SimulationRequest): Promise<readonly SimulatedBlock[]> {
    this.simulation = request;
    return this.simulated;
  }

  fillTransaction(request: SendRequest): Promise<UnsignedTransaction> {
    return fillTransaction(this, request);
  }

  badBlocks(): readonly BadBlock[] {
    return this.bad;
  }

  health(): Health {
    const { hash, block } = this.#head();
    return { status: 'ok', head: { hash, number: block.header.number }, headAgeMs: 0, peers: 1, reasons: [] };
  }

  /** Mines what waits in the pool, in the order it came. */
  mine(): BlockView {
    const view = this.#makeBlock(this.#head(), [...this.#pool.values()], new Map(this.#head().state), 0);
    this.#pool.clear();
    this.#append(view);
    this.#emitter.emit('head', { added: [view], removed: [] });
    return view;
  }

  /** Mines `count` empty blocks without telling anybody. */
  mineQuietly(count: number): void {
    for (let i = 0; i < count; i++) this.#append(this.#makeBlock(this.#head(), [], this.#head().state, 0));
  }

  /** Replaces the top `depth` blocks by as many plus one; the first of them holds what waits in the pool. */
  reorg(depth: number): void {
    const removed = this.#canonical.splice(this.#canonical.length - depth, depth).reverse();
    const added: FakeBlock[] = [];
    for (let i = 0; i <= depth; i++) {
      const view = this.#makeBlock(this.#head(), [...this.#pool.values()], new Map(this.#head().state), 1);
      this.#pool.clear();
      this.#append(view);
      added.push(view);
    }
    this.#emitter.emit('head', { added, removed });
  }

  /** Announces a transaction as newly pending, as often as one likes. */
  announce(transaction: Transaction): void {
    this.#emitter.emit('pendingTransaction', transaction);
  }

  #head(): FakeBlock {
    const head = this.#canonical.at(-1);
    if (head === undefined) throw new Error('no genesis');
    return head;
  }

  #byTag(tag: BlockTag): FakeBlock | null {
    if (tag === 'earliest') return this.#canonical[0] ?? null;
    if (tag === 'safe' || tag === 'finalized') return this.#canonical[this.finalizedNumber] ?? null;
    return this.#head();
  }

  #append(view: FakeBlock): void {
    this.#blocks.set(view.hash, view);
    this.#canonical.push(view);
  }

  #locate(hash: Hash): LocatedTransaction | null {
    for (const view of this.#canonical) {
      const index = view.transactions().findIndex((transaction) => transaction.hash === hash);
      const transaction = view.transactions()[index];
      if (transaction !== undefined) return { transaction, view, index };
    }
    return null;
  }

  #account(address: Address, at: BlockView): Account {
    const { number } = at.block.header;
    if (number < this.prunedBelow)
      throw new ParleyError('STATE_PRUNED', `the state of block ${number} is gone`, { number });
    return (at as FakeBlock).state.get(address) ?? EMPTY_ACCOUNT;
  }

  #proof(address: Address, slots: readonly Hash[], at: BlockView): ProofView {
    const storageProof = slots.map((key) => ({ key, value: key, proof: ['0xc0'] as const }));
    return { account: this.#account(address, at), accountProof: ['0xc0'], storageProof };
  }

  #pendingNonce(address: Address): number {
    const waiting = [...this.#pool.values()].filter((transaction) => transaction.sender === address).length;
    return (this.#head().state.get(address)?.nonce ?? 0) + waiting;
  }

  async #submit(raw: Bytes): Promise<Hash> {
    const refusal = this.refuseWith;
    this.refuseWith = null;
    if (refusal !== null) throw refusal;
    const transaction = recoverTransaction(raw);
    const expected = this.#pendingNonce(transaction.sender);
    if (transaction.nonce < expected) {
      throw new ParleyError('POOL_NONCE_TOO_LOW', `nonce ${transaction.nonce} is used: take ${expected}`, { expected });
    }
    this.#pool.set(transaction.hash, transaction);
    this.#emitter.emit('pendingTransaction', transaction);
    return transaction.hash;
  }

  #makeBlock(
    parent: FakeBlock | null,
    transactions: readonly Transaction[],
    before: ReadonlyMap<Address, Account>,
    variant: number,
  ): FakeBlock {
    const state = new Map(before);
    const receipts = transactions.map((transaction, i) => applyTransaction(state, transaction, i));
    const number = parent === null ? 0 : parent.block.header.number + 1;
    const header: Header = {
      parentHash: parent?.hash ?? ZERO_HASH,
      beneficiary: MINER,
      stateRoot: keccak256(Buffer.from(`state ${number}`)),
      transactionsRoot: ZERO_HASH,
      receiptsRoot: ZERO_HASH,
      logsBloom: logsBloom(receipts.flatMap((receipt) => receipt.logs)),
      number,
      gasLimit: 30_000_000,
      gasUsed: receipts.at(-1)?.cumulativeGasUsed ?? 0,
      timeMs: GENESIS_TIME_MS + number * 1000,
      baseFeePerGas: BASE_FEE,
      consensusRoot: EMPTY_CONSENSUS_ROOT,
      extra: Buffer.from([variant]),
      seal: new Uint8Array(0),
    };
    return new FakeBlock(header, transactions, receipts, state, (view) => this.#canonical[number] === view);
  }

  #devAccounts(): Accounts {
    const keys = new Map(KEYS.map((key) => [addressOf(fromHex(key)), fromHex(key)]));
    const keyOf = (address: Address): Bytes => {
      const key = keys.get(address);
      if (key === undefined) throw new ParleyError('ACCOUNT_UNKNOWN', `no key for ${address}`, { address });
      return key;
    };
    const sign = (request: SendRequest): Bytes => {
      const fee = request.gasPrice ?? request.maxFeePerGas ?? 2n * BASE_FEE;
      const type = request.type ?? (request.gasPrice === undefined ? 2 : 0);
      const unsigned = {
        type,
        chainId: CHAIN_ID,
        nonce: request.nonce ?? this.#pendingNonce(request.from),
        gasLimit: request.gasLimit ?? 100_000,
        maxFeePerGas: fee,
        maxPriorityFeePerGas: type === 2 ? (request.maxPriorityFeePerGas ?? BASE_FEE) : fee,
        to: request.to ?? null,
        value: request.value ?? 0n,
        data: request.data ?? new Uint8Array(0),
        accessList: request.accessList ?? [],
      };
      return signTransaction(unsigned, keyOf(request.from));
    };
    return {
      list: () => [...keys.keys()],
      send: async (request) => this.#submit(sign(request)),
      signTransaction: async (request) => sign(request),
      signMessage: async (address, message) => signDigestForWallet(personalMessageDigest(message), keyOf(address)),
      signDigest: async (address, digest) => signDigestForWallet(digest, keyOf(address)),
    };
  }
}

function applyTransaction(state: Map<Address, Account>, transaction: Transaction, index: number): Receipt {
  const sender = state.get(transaction.sender) ?? EMPTY_ACCOUNT;
  const tipped = BASE_FEE + transaction.maxPriorityFeePerGas;
  const effectiveGasPrice = tipped < transaction.maxFeePerGas ? tipped : transaction.maxFeePerGas;
  const fee = effectiveGasPrice * BigInt(TRANSFER_GAS);
  state.set(transaction.sender, {
    ...sender,
    nonce: sender.nonce + 1,
    balance: sender.balance - transaction.value - fee,
  });
  const to = transaction.to ?? ZERO_ADDRESS;
  const receiver = state.get(to) ?? EMPTY_ACCOUNT;
  state.set(to, { ...receiver, balance: receiver.balance + transaction.value });
  const logs: readonly Log[] = to === LOGGER ? [loggedBy(transaction)] : [];
  return {
    type: transaction.type,
    status: 1,
    cumulativeGasUsed: TRANSFER_GAS * (index + 1),
    logsBloom: logsBloom(logs),
    logs,
    gasUsed: TRANSFER_GAS,
    effectiveGasPrice,
    contractAddress: transaction.to === null ? ZERO_ADDRESS : null,
  };
}

function loggedBy(transaction: Transaction): Log {
  const topic = toHex(Buffer.concat([transaction.data.subarray(0, 32)], 32));
  return { address: LOGGER, topics: [topic], data: toHex(transaction.data.subarray(32)) };
}
