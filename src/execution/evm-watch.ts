/** The events of @ethereumjs/evm, told to an EvmObserver. */
import type { EVM, EVMResult, InterpreterStep, Message } from '@ethereumjs/evm';
import type { StateReader } from '../ports/state.ts';
import type { Address, Bytes } from '../types/primitives.ts';
import { toHex } from '../util/hex.ts';
import type { EvmFrame, EvmObserver, EvmStep, FrameKind } from './evm-observer.ts';
import { refusedCall } from './evm-refused-call.ts';
import { addressOf, extended, wordOf } from './evm-words.ts';
import type { Pauses } from './pauses.ts';

const LOG0 = 0xa0;
const LOG4 = 0xa4;
const INVALID = 0xfe;
const SELFDESTRUCT = 0xff;
/** STOP and RETURN: code may end with them. */
const ENDS: ReadonlySet<number> = new Set([0x00, 0xf3, SELFDESTRUCT]);
const LOG_DATA_GAS = 8n;
/** The library copies all memory for each step; so many bytes weigh as much as a step. */
const MEMORY_BYTES_PER_STEP = 4_096;
const COST_MAX = BigInt(Number.MAX_SAFE_INTEGER);
const CALLS: ReadonlySet<string> = new Set<FrameKind>([
  'CALL',
  'CALLCODE',
  'DELEGATECALL',
  'STATICCALL',
  'CREATE',
  'CREATE2',
]);

/** An opcode that opens a frame, until the frame is there. */
type Opener = { readonly kind: FrameKind; readonly by: Address; readonly step: InterpreterStep };
/** `initCode`: of a creation. */
type OpenFrame = { readonly isStatic: boolean; readonly initCode: Bytes | null };
type ExecResult = EVMResult['execResult'];
type ExceptionError = NonNullable<ExecResult['exceptionError']>;
type RunState = NonNullable<ExecResult['runState']> & { readonly depth: number };

export class EvmWatch {
  readonly #evm: EVM;
  readonly #state: StateReader;
  readonly #pauses: Pauses;
  #observer: EvmObserver | undefined;
  #opener: Opener | undefined;
  #frames: OpenFrame[] = [];
  /** A pause that was refused, thrown at the next step: the library does not hear of it otherwise. */
  #refusal: unknown;
  /** Of the last step: mostly the same from step to step. */
  #address: { readonly of: InterpreterStep['address']; readonly text: Address } | undefined;

  constructor(evm: EVM, state: StateReader, pauses: Pauses) {
    this.#evm = evm;
    this.#state = state;
    this.#pauses = pauses;
  }

  /** undefined: nobody watches. */
  get observer(): EvmObserver | undefined {
    return this.#observer;
  }

  /** Until `stop`. */
  start(observer: EvmObserver): void {
    this.#observer = observer;
    this.#opener = undefined;
    this.#frames = [];
    this.#refusal = undefined;
    this.#evm.events.on('beforeMessage', this.#enter).on('afterMessage', this.#exit).on('step', this.#step);
  }

  stop(): void {
    this.#observer = undefined;
    this.#address = undefined;
    this.#evm.events.off('beforeMessage', this.#enter).off('afterMessage', this.#exit).off('step', this.#step);
  }

  // Listeners of one argument are called synchronously, those of two are waited for.

  readonly #enter = (message: Message): void => {
    const opener = this.#opener;
    this.#opener = undefined;
    this.#frames.push({ isStatic: message.isStatic, initCode: message.to === undefined ? message.data : null });
    this.#observer?.enter(frameOf(message, opener));
  };

  readonly #exit = ({ execResult, createdAddress }: EVMResult): void => {
    const { exceptionError, runState } = execResult;
    if (exceptionError !== undefined) this.#opener = undefined;
    else if (runState !== undefined) this.#tellEnd(runState as RunState, execResult.gasRefund ?? 0n);
    this.#frames.pop();
    this.#observer?.exit({
      output: execResult.returnValue,
      gasUsed: Number(execResult.executionGasUsed),
      error: exceptionError === undefined ? null : wordsOf(exceptionError, runState),
      created: createdAddress === undefined ? null : toHex(createdAddress.bytes),
    });
  };

  readonly #step = (step: InterpreterStep, next?: () => void): void => {
    if (this.#refusal !== undefined) throw this.#refusal;
    this.#tell(step);
    const pause = this.#pauses.count(1 + step.memory.length / MEMORY_BYTES_PER_STEP);
    if (pause === undefined) next?.();
    else pause.catch((refusal: unknown) => void (this.#refusal = refusal)).finally(next);
  };

  #tell(step: InterpreterStep): void {
    const observer = this.#observer;
    if (observer === undefined) return;
    this.#tellRefused(observer);
    const { code, name } = step.opcode;
    const isLog = code >= LOG0 && code <= LOG4;
    if (observer.step === undefined && !isLog && !isOpener(name) && code !== SELFDESTRUCT) return;
    const address = this.#addressOf(step);
    observer.step?.(this.#stepOf(step, address));
    if (isOpener(name)) this.#opener = { kind: name, by: address, step };
    // What the gas does not pay for, or what nobody may do here, does not happen.
    const isDone = costOf(step) <= step.gasLeft && this.#frames.at(-1)?.isStatic !== true;
    if (isLog && isDone) tellLog(observer, step, address, code - LOG0);
    else if (code === SELFDESTRUCT && isDone) this.#tellDestroyed(observer, step, address);
  }

  #addressOf({ address }: InterpreterStep): Address {
    if (this.#address?.of !== address) this.#address = { of: address, text: toHex(address.bytes) };
    return this.#address.text;
  }

  #stepOf(step: InterpreterStep, address: Address): EvmStep {
    const cost = costOf(step);
    const memorySize = Number(step.memoryWordCount) * 32;
    return {
      pc: step.pc,
      opcode: step.opcode.code === INVALID ? this.#invalidName(step) : step.opcode.name,
      gasLeft: Number(step.gasLeft),
      gasCost: Number(cost < COST_MAX ? cost : COST_MAX),
      depth: step.depth + 1,
      gasRefund: Number(step.gasRefund),
      address,
      stack: step.stack,
      memory: step.memory.length < memorySize ? extended(step.memory, 0, memorySize) : step.memory,
    };
  }

  /** The library has one name for every byte that is no opcode. */
  #invalidName({ pc, codeAddress, opcode }: InterpreterStep): string {
    const code = this.#frames.at(-1)?.initCode ?? this.#codeAt(toHex(codeAddress.bytes));
    return invalidName(code?.[pc]) ?? opcode.name;
  }

  #codeAt(address: Address): Bytes | undefined {
    const account = this.#state.account(address);
    return account === undefined ? undefined : this.#state.code(account.codeHash);
  }

  /** Nothing came of the last opener although its frame goes on. */
  #tellRefused(observer: EvmObserver): void {
    const opener = this.#opener;
    if (opener === undefined) return;
    this.#opener = undefined;
    const { frame, error } = refusedCall(opener.kind, opener.by, opener.step);
    observer.enter(frame);
    observer.exit({ output: new Uint8Array(0), gasUsed: 0, error, created: null });
  }

  /** Code that runs out stops, and the library does not say so. */
  #tellEnd(state: RunState, gasRefund: bigint): void {
    const observer = this.#observer;
    if (observer === undefined || state.programCounter < state.code.length || ENDS.has(state.opCode)) return;
    this.#tellRefused(observer);
    const memorySize = Number(state.memoryWordCount) * 32;
    observer.step?.({
      pc: state.programCounter,
      opcode: 'STOP',
      gasLeft: Number(state.gasLeft),
      gasCost: 0,
      depth: state.depth + 1,
      gasRefund: Number(gasRefund),
      address: toHex(state.interpreter.getAddress().bytes),
      stack: state.stack.getStack(),
      memory: extended(state.memory._store, 0, memorySize),
    });
  }

  #tellDestroyed(observer: EvmObserver, { stack }: InterpreterStep, contract: Address): void {
    const heir = stack.at(-1);
    if (heir === undefined) return;
    observer.destroy(contract, addressOf(heir), this.#state.account(contract)?.balance ?? 0n);
  }
}

function isOpener(opcode: string): opcode is FrameKind {
  return CALLS.has(opcode);
}

function wordsOf({ error }: ExceptionError, state: ExecResult['runState']): string {
  if (error !== 'invalid opcode' || state === undefined) return error;
  return `invalid opcode: ${invalidName(state.code[state.programCounter]) ?? 'INVALID'}`;
}

/** undefined: this is INVALID itself. */
function invalidName(byte: number | undefined): string | undefined {
  return byte === undefined || byte === INVALID ? undefined : `opcode 0x${byte.toString(16)} not defined`;
}

/** All of it, in spite of its name; the least there is where the opcode failed before it was known. */
function costOf({ opcode }: InterpreterStep): bigint {
  return opcode.dynamicFee ?? BigInt(opcode.fee);
}

/** Without an opener: the outermost frame. */
function frameOf(message: Message, opener: Opener | undefined): EvmFrame {
  return {
    kind: opener?.kind ?? (message.to === undefined ? 'CREATE' : 'CALL'),
    from: opener?.by ?? toHex(message.caller.bytes),
    to: message.to === undefined ? null : toHex(message.codeAddress.bytes),
    value: message.value,
    input: message.data,
    gasLimit: Number(message.gasLimit),
  };
}

function tellLog(observer: EvmObserver, step: InterpreterStep, address: Address, topics: number): void {
  const [length, offset] = [step.stack.at(-2), step.stack.at(-1)];
  if (step.stack.length < 2 + topics || length === undefined || offset === undefined) return;
  if (length * LOG_DATA_GAS > step.gasLeft) return;
  const data = length === 0n ? new Uint8Array(0) : extended(step.memory, Number(offset), Number(length));
  const words = step.stack.slice(-2 - topics, -2).reverse();
  observer.log({ address, topics: words.map(wordOf), data: toHex(data) });
}
