/**
 * @ethereumjs/evm behind `Evm`: a message of depth 0 with everything that surrounds it in a transaction (warm addresses of EIP-2929,
 * 2930 and 3651, destruction as of EIP-6780, removal of empty accounts as of EIP-161) but fees. Loaded by `evm.ts` alone, on demand.
 */
import { createCustomCommon, Hardfork, Mainnet } from '@ethereumjs/common';
import { createEVM, type EVM, type EVMOpts, type EVMResult, type Message, type PrecompileFunc } from '@ethereumjs/evm';
import { Address as EvmAddress } from '@ethereumjs/util';
import { keccak256Bytes } from '../crypto/keccak.ts';
import { sha256 } from '../crypto/sha256.ts';
import type { StateOverlay } from '../state/overlay.ts';
import type { Address, Hash } from '../types/primitives.ts';
import type { Log } from '../types/receipt.ts';
import type { AccessList } from '../types/transaction.ts';
import { fromHex, toHex } from '../util/hex.ts';
import type { EvmCall, EvmOutcome } from './evm.ts';
import { cautiousRevert } from './evm-cautious-revert.ts';
import { legacyCreates } from './evm-legacy-create.ts';
import {
  ecrecover,
  ECRECOVER_ADDRESS,
  outOfGas,
  POINT_EVALUATION_ADDRESS,
  reverted,
  unsupported,
} from './evm-precompiles.ts';
import { observePlainCall, type EvmObserver } from './evm-observer.ts';
import { EvmState } from './evm-state.ts';
import { EvmWatch } from './evm-watch.ts';
import { Pauses, STEPS_PER_FRAME } from './pauses.ts';
import type { BlockContext, ExecutionEnv } from './rules.ts';
import { NO_SYSTEM_CONTRACTS, reservedAddresses, type SystemContract } from './system-contracts.ts';

type EvmBlock = NonNullable<Parameters<EVM['runCall']>[0]['block']>;

export async function createEvmRunner(
  env: ExecutionEnv,
  block: BlockContext,
  overlay: StateOverlay,
): Promise<EvmRunner> {
  const pauses = new Pauses(env.pause);
  const state = new EvmState(overlay, () => pauses.count(STEPS_PER_FRAME));
  const natives = new NativeCalls(env, block, overlay);
  const evm: EVM = await createEVM({
    common: createCustomCommon({ chainId: env.config.chainId, name: 'parley' }, Mainnet, {
      hardfork: Hardfork.Prague,
      customCrypto: { keccak256: keccak256Bytes, sha256 },
    }),
    stateManager: state,
    blockchain: ancestors(env, block),
    customPrecompiles: [
      { address: ECRECOVER_ADDRESS, function: ecrecover },
      { address: POINT_EVALUATION_ADDRESS, function: unsupported },
      ...natives.precompiles(),
    ],
    customOpcodes: [...pauses.opcodes(), ...legacyCreates(), cautiousRevert(() => watch.observer !== undefined)],
  });
  // A listener of one argument is called synchronously; a system contract needs to know who calls.
  evm.events.on('beforeMessage', (message) => natives.enter(message));
  const watch = new EvmWatch(evm, overlay, pauses);
  natives.watchedBy(() => watch.observer);
  const runner = new EvmRunner(evm, state, watch, toEvmBlock(block));
  if (env.movedNatives !== undefined) moveNatives(evm, env.movedNatives);
  return runner;
}

export class EvmRunner {
  readonly #evm: EVM;
  readonly #state: EvmState;
  readonly #watch: EvmWatch;
  readonly #block: EvmBlock;
  readonly #alwaysWarm: readonly Address[];

  constructor(evm: EVM, state: EvmState, watch: EvmWatch, block: EvmBlock) {
    this.#evm = evm;
    this.#state = state;
    this.#watch = watch;
    this.#block = block;
    this.#alwaysWarm = standardPrecompiles(evm);
  }

  async run(call: EvmCall): Promise<EvmOutcome> {
    this.#evm.journal.cleanJournal();
    this.#evm.transientStorage.clear();
    this.#state.clearCaches();
    this.#state.takeDestroyed();
    this.#warm(call);
    const { journal } = this.#evm;
    if (call.reportsAccess === true) journal.startReportingAccessList();
    const result = await this.#runCall(call);
    await this.#destroy(result);
    const accessed = toAccessList(journal.accessList);
    await journal.cleanup();
    return toOutcome(result, this.#state.takeDestroyed(), accessed);
  }

  async #runCall(call: EvmCall): Promise<EVMResult> {
    if (call.observer !== undefined) this.#watch.start(call.observer);
    try {
      return await this.#evm.runCall({
        block: this.#block,
        caller: toEvmAddress(call.caller),
        gasPrice: call.gasPrice,
        gasLimit: BigInt(call.gasLimit),
        value: call.value,
        data: call.data,
        ...(call.to === null ? {} : { to: toEvmAddress(call.to) }),
      });
    } finally {
      if (call.observer !== undefined) this.#watch.stop();
    }
  }

  /** After a throw of `run`. The runner is of no more use. */
  abandon(): void {
    this.#state.abandon();
  }

  #warm(call: EvmCall): void {
    const { journal } = this.#evm;
    for (const address of this.#alwaysWarm) journal.addAlwaysWarmAddress(address);
    journal.addAlwaysWarmAddress(call.caller);
    if (call.to !== null) journal.addAlwaysWarmAddress(call.to);
    journal.addAlwaysWarmAddress(toHex(this.#block.header.coinbase.bytes));
    for (const { address, storageKeys } of call.accessList) {
      journal.addAlwaysWarmAddress(address);
      for (const key of storageKeys) journal.addAlwaysWarmSlot(address, key);
    }
  }

  /** EIP-6780: only what was created in this very transaction goes away. */
  async #destroy({ execResult }: EVMResult): Promise<void> {
    for (const address of execResult.selfdestruct?.keys() ?? []) {
      if (execResult.createdAddresses?.has(address) !== true) continue;
      await this.#evm.journal.deleteAccount(toEvmAddress(address));
    }
  }
}

/** Calls that leave bytecode: the reserved addresses as precompiles of the library. */
class NativeCalls {
  readonly #env: ExecutionEnv;
  readonly #block: BlockContext;
  readonly #overlay: StateOverlay;
  #message: Message | undefined;
  #observer: () => EvmObserver | undefined = () => undefined;

  constructor(env: ExecutionEnv, block: BlockContext, overlay: StateOverlay) {
    this.#env = env;
    this.#block = block;
    this.#overlay = overlay;
  }

  /** The library says who calls before it runs a precompile, and nothing runs in between. */
  enter(message: Message): void {
    this.#message = message;
  }

  /** Told of what a contract pays and logs, which no opcode does. */
  watchedBy(observer: () => EvmObserver | undefined): void {
    this.#observer = observer;
  }

  precompiles(): NonNullable<EVMOpts['customPrecompiles']> {
    const contracts = this.#env.systemContracts ?? NO_SYSTEM_CONTRACTS;
    return reservedAddresses().map((address) => {
      const contract = contracts.get(address);
      return { address, function: contract === undefined ? refuse : this.#precompile(address, contract) };
    });
  }

  #precompile(address: Address, contract: SystemContract): PrecompileFunc {
    return ({ data, gasLimit }) => {
      const message = this.#message;
      // DELEGATECALL and CALLCODE would run it on another account's state.
      if (message?.to === undefined || toHex(message.to.bytes) !== address || message.delegatecall) {
        return reverted(0n, new Uint8Array(0));
      }
      const observer = this.#observer();
      const balanceBefore = observer === undefined ? 0n : this.#balanceOf(address);
      const result = contract.call({
        address,
        caller: toHex(message.caller.bytes),
        value: message.value,
        input: data,
        isStatic: message.isStatic,
        gasLimit: Number(gasLimit),
        block: this.#block,
        state: this.#overlay,
      });
      const gasUsed = BigInt(result.gasUsed);
      if (gasUsed > gasLimit) return outOfGas(gasLimit);
      if (result.status === 'reverted') return reverted(gasUsed, result.output);
      if (observer !== undefined) {
        const paid = balanceBefore - this.#balanceOf(address);
        tellNative(observer, message, { address, paid, logs: result.logs });
      }
      return { executionGasUsed: gasUsed, returnValue: result.output, logs: result.logs.map(toEvmLog) };
    };
  }

  #balanceOf(address: Address): bigint {
    return this.#overlay.account(address)?.balance ?? 0n;
  }
}

type NativeRun = { readonly address: Address; readonly paid: bigint; readonly logs: readonly Log[] };

/** A contract pays nobody but who calls it. */
function tellNative(observer: EvmObserver, { caller }: Message, { address, paid, logs }: NativeRun): void {
  if (paid > 0n) {
    const nothing = { input: new Uint8Array(0), gasLimit: 0 };
    observePlainCall(observer, { kind: 'CALL', from: address, to: toHex(caller.bytes), value: paid, ...nothing });
  }
  for (const log of logs) observer.log(log);
}

const refuse: PrecompileFunc = () => reverted(0n, new Uint8Array(0));

/** Warm from the start: Ethereum's precompiles. The reserved addresses cost what any contract costs. */
function standardPrecompiles(evm: EVM): readonly Address[] {
  const reserved = new Set(reservedAddresses());
  return Array.from(evm.precompiles.keys(), (key): Address => `0x${key}`).filter((address) => !reserved.has(address));
}

/** What is warm from the start stays that (EIP-2929 knows addresses, not code). */
function moveNatives({ precompiles }: EVM, moves: ReadonlyMap<Address, Address | null>): void {
  const code = new Map(Array.from(moves.keys(), (from) => [from, precompiles.get(from.slice(2))]));
  for (const from of moves.keys()) precompiles.delete(from.slice(2));
  for (const [from, to] of moves) {
    const moved = code.get(from);
    if (to !== null && moved !== undefined) precompiles.set(to.slice(2), moved);
  }
}

function ancestors(env: ExecutionEnv, block: BlockContext): NonNullable<EVMOpts['blockchain']> {
  const chain: NonNullable<EVMOpts['blockchain']> = {
    getBlock: async (number) => {
      const hash = fromHex(env.blockHash(number, block.parentHash));
      return { hash: () => hash };
    },
    putBlock: async () => {},
    shallowCopy: () => chain,
  };
  return chain;
}

function toEvmBlock(block: BlockContext): EvmBlock {
  return {
    header: {
      number: BigInt(block.number),
      coinbase: toEvmAddress(block.beneficiary),
      timestamp: BigInt(Math.floor(block.timeMs / 1000)),
      difficulty: 0n,
      prevRandao:
        block.prevRandao === undefined ? keccak256Bytes(fromHex(block.parentHash)) : fromHex(block.prevRandao),
      gasLimit: BigInt(block.gasLimit),
      baseFeePerGas: block.baseFeePerGas,
      // BLOBBASEFEE: the least there is, as there are no blobs.
      getBlobGasPrice: () => 1n,
    },
  };
}

function toEvmAddress(address: Address): EvmAddress {
  return new EvmAddress(fromHex(address));
}

function toEvmLog(log: Log): [Uint8Array, Uint8Array[], Uint8Array] {
  return [fromHex(log.address), log.topics.map(fromHex), fromHex(log.data)];
}

function toAccessList(accessed: EVM['journal']['accessList']): AccessList {
  return Array.from(accessed ?? [], ([address, slots]) => ({
    address: `0x${address}`,
    storageKeys: Array.from(slots, (slot): Hash => `0x${slot}`),
  }));
}

function toOutcome({ execResult }: EVMResult, destroyed: bigint, accessed: AccessList): EvmOutcome {
  const error = execResult.exceptionError?.error;
  return {
    status: error === undefined ? 'success' : error === 'revert' ? 'reverted' : 'failed',
    output: execResult.returnValue,
    gasUsed: Number(execResult.executionGasUsed),
    gasRefund: execResult.gasRefund ?? 0n,
    logs: (execResult.logs ?? []).map(([address, topics, data]) => ({
      address: toHex(address),
      topics: topics.map(toHex),
      data: toHex(data),
    })),
    destroyed,
    reason: error ?? null,
    accessed,
  };
}
