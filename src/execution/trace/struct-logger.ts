import type { StateReader } from '../../ports/state.ts';
import type { Address, Bytes, Hash, Hex, JsonObject } from '../../types/primitives.ts';
import type { StepOptions } from '../../types/trace.ts';
import { toHex } from '../../util/hex.ts';
import type { EvmFrame, EvmFrameEnd, EvmObserver, EvmStep } from '../evm-observer.ts';
import { allButOne64th, wordOf } from '../evm-words.ts';
import { toQuantity } from './quantity.ts';
import type { TraceBudget } from './trace-budget.ts';
import type { TracerFactory } from './tracer.ts';
import { vmError } from './vm-error.ts';

type Mutable = { -readonly [K in keyof JsonObject]: JsonObject[K] };

/** `opcode`: that which runs; `entry`: its entry, unless there are enough of them; `isCovered`: its operands and gas are there. */
type OpenFrame = { opcode: string; isCovered: boolean; entry: Mutable | null; returnData: Bytes };

const ENTRY_SIZE_BYTES = 96;
const WORD_SIZE_BYTES = 32;
const WORD_JSON_SIZE_BYTES = 69;
const NOTHING = new Uint8Array(0);
const CALLS: ReadonlySet<string> = new Set(['CALL', 'CALLCODE', 'DELEGATECALL', 'STATICCALL']);
const CREATIONS: ReadonlySet<string> = new Set(['CREATE', 'CREATE2']);

/**
 * Opcode by opcode, in the form of ethereum/execution-apis, src/schemas/opcode-tracer.yaml at
 * 841a9ff91c494afa63887f4b8b2d5d24f45081ee. As in go-ethereum the cost of a call holds what it hands on, that of a creation does not,
 * and opcode 0x44 has its old name.
 */
export const structLogger: TracerFactory = (run, { steps }, budget) => {
  const logger = new StructLogger(run.now, steps, budget);
  return { observer: logger, result: ({ gasUsed }) => logger.result(gasUsed) };
};

class StructLogger implements EvmObserver {
  readonly #state: StateReader;
  readonly #options: StepOptions;
  readonly #budget: TraceBudget;
  readonly #entries: JsonObject[] = [];
  readonly #frames: OpenFrame[] = [];
  /** Slots of each contract that were read or written so far. */
  readonly #storage = new Map<Address, Map<Hash, Hash>>();
  /** Of the last entry, and its words as text: most stay from step to step. */
  #stack: readonly bigint[] = [];
  #stackTexts: readonly Hex[] = [];
  #end: EvmFrameEnd | null = null;

  constructor(state: StateReader, options: StepOptions, budget: TraceBudget) {
    this.#state = state;
    this.#options = options;
    this.#budget = budget;
  }

  result(gas: number): JsonObject {
    const { error = null, output = NOTHING } = this.#end ?? {};
    return { gas, failed: error !== null, returnValue: toHex(output), structLogs: this.#entries };
  }

  enter(_frame: EvmFrame): void {
    this.#frames.push({ opcode: '', isCovered: false, entry: null, returnData: NOTHING });
  }

  exit(end: EvmFrameEnd): void {
    const frame = this.#frames.pop();
    if (frame?.entry != null && end.error !== null && isFailing(frame, end.error)) {
      frame.entry['error'] = vmError(end.error);
    }
    const caller = this.#frames.at(-1);
    if (caller === undefined) {
      this.#budget.spendData(end.output.length);
      this.#end = end;
      return;
    }
    const isCreation = CREATIONS.has(caller.opcode);
    const isReturned = end.error === 'revert' || (end.error === null && !isCreation);
    caller.returnData = isReturned ? end.output : NOTHING;
  }

  log(): void {}

  destroy(): void {}

  step(step: EvmStep): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined) return;
    const { opcode } = step;
    frame.opcode = opcode;
    frame.isCovered = step.stack.length >= 2 && step.gasCost <= step.gasLeft;
    frame.entry = this.#entries.length < this.#options.stepsMax ? this.#entry(step, frame.returnData) : null;
    if (frame.entry !== null) this.#entries.push(frame.entry);
    // A call that is refused gives nothing back.
    if (CALLS.has(opcode) || CREATIONS.has(opcode)) frame.returnData = NOTHING;
  }

  #entry(step: EvmStep, returnData: Bytes): Mutable {
    const { pc, opcode, gasLeft, depth, gasRefund } = step;
    const { hasStack, hasMemory, hasStorage, hasReturnData } = this.#options;
    this.#budget.spend(ENTRY_SIZE_BYTES + opcode.length);
    const op = opcode === 'PREVRANDAO' ? 'DIFFICULTY' : opcode;
    const entry: Mutable = { pc, op, gas: gasLeft, gasCost: gasCost(step), depth, refund: gasRefund };
    if (hasStack) entry['stack'] = this.#stackOf(step.stack);
    if (hasMemory) entry['memory'] = this.#memoryOf(step.memory);
    if (hasReturnData) {
      this.#budget.spendData(returnData.length);
      entry['returnData'] = toHex(returnData);
    }
    const storage = hasStorage ? this.#storageOf(step) : null;
    if (storage !== null) entry['storage'] = storage;
    return entry;
  }

  #stackOf(stack: readonly bigint[]): readonly Hex[] {
    const texts = stack.map((word, index) => {
      const known = this.#stack[index] === word ? this.#stackTexts[index] : undefined;
      return known ?? toQuantity(word);
    });
    this.#budget.spend(texts.reduce((size, { length }) => size + length + 3, 0));
    this.#stack = stack;
    this.#stackTexts = texts;
    return texts;
  }

  #memoryOf(memory: Bytes): readonly Hex[] {
    const words = memory.length / WORD_SIZE_BYTES;
    this.#budget.spend(words * WORD_JSON_SIZE_BYTES);
    return Array.from({ length: words }, (_, i) =>
      toHex(memory.subarray(i * WORD_SIZE_BYTES, (i + 1) * WORD_SIZE_BYTES)),
    );
  }

  /** null: the opcode has nothing to do with it. */
  #storageOf({ opcode, stack, address }: EvmStep): JsonObject | null {
    const [slot, value] = [stack.at(-1), stack.at(-2)];
    if ((opcode !== 'SLOAD' && opcode !== 'SSTORE') || slot === undefined) return null;
    if (opcode === 'SSTORE' && value === undefined) return null;
    let known = this.#storage.get(address);
    if (known === undefined) this.#storage.set(address, (known = new Map()));
    const key = wordOf(slot);
    known.set(key, opcode === 'SSTORE' && value !== undefined ? wordOf(value) : this.#state.storage(address, key));
    this.#budget.spend(2 * WORD_JSON_SIZE_BYTES * known.size);
    return Object.fromEntries(known);
  }
}

/** Whether the frame ended with this step: the checks of what a creation leaves behind come after it. */
function isFailing({ opcode, isCovered }: OpenFrame, error: string): boolean {
  return error !== 'revert' && !(opcode === 'RETURN' && isCovered);
}

function gasCost({ opcode, stack, gasLeft, gasCost: cost }: EvmStep): number {
  const wanted = stack.at(-1);
  if (!CALLS.has(opcode) || wanted === undefined || cost > gasLeft) return cost;
  const most = allButOne64th(BigInt(gasLeft - cost));
  return cost + Number(wanted < most ? wanted : most);
}
