import type { Address, Bytes, Hex } from '../../types/primitives.ts';
import type { Log } from '../../types/receipt.ts';
import { toHex } from '../../util/hex.ts';
import type { EvmFrame, EvmFrameEnd, EvmObserver, FrameKind } from '../evm-observer.ts';
import type { TraceBudget } from './trace-budget.ts';

export type CallNode = {
  readonly kind: FrameKind | 'SELFDESTRUCT';
  readonly from: Address;
  /** Of a creation: where it put its contract, or would have; null: nowhere. */
  to: Address | null;
  readonly value: bigint;
  readonly input: Hex;
  readonly gas: number;
  gasUsed: number;
  output: Bytes;
  /** As EvmFrameEnd.error. */
  error: string | null;
  readonly calls: CallNode[];
  readonly logs: PlacedLog[];
};

/** `position`: how many calls came before it in its frame. */
export type PlacedLog = { readonly log: Log; readonly position: number };

export type CallTreeOptions = {
  /** What is below the outermost frame is kept without its data, and costs nothing. */
  readonly onlyTop: boolean;
  readonly hasLogs: boolean;
};

/** JSON around the data of a frame, and of a log. */
const FRAME_SIZE_BYTES = 256;
const LOG_SIZE_BYTES = 160;
const TOPIC_SIZE_BYTES = 69;
const NOTHING = new Uint8Array(0);

/** The frames of a run as a tree. */
export class CallTree implements EvmObserver {
  readonly #options: CallTreeOptions;
  readonly #budget: TraceBudget;
  readonly #open: CallNode[] = [];
  #root: CallNode | null = null;

  constructor(options: CallTreeOptions, budget: TraceBudget) {
    this.#options = options;
    this.#budget = budget;
  }

  /** The outermost frame. */
  get root(): CallNode {
    if (this.#root === null) throw new TypeError('nothing ran');
    return this.#root;
  }

  enter({ kind, from, to, value, input, gasLimit: gas }: EvmFrame): void {
    const told = this.#isShown(this.#open.length) ? this.#told(input) : NOTHING;
    const node = { kind, from, to, value, input: toHex(told), gas, gasUsed: 0, output: NOTHING, error: null };
    this.#open.push(this.#add({ ...node, calls: [], logs: [] }));
  }

  exit({ output, gasUsed, error, created }: EvmFrameEnd): void {
    const node = this.#open.pop();
    if (node === undefined) return;
    if (this.#isShown(this.#open.length)) {
      this.#budget.spendData(output.length);
      node.output = output;
    }
    node.gasUsed = gasUsed;
    node.error = error;
    node.to ??= created;
  }

  log(log: Log): void {
    const node = this.#open.at(-1);
    if (!this.#options.hasLogs || node === undefined) return;
    if (this.#isShown(this.#open.length - 1)) {
      this.#budget.spend(LOG_SIZE_BYTES + TOPIC_SIZE_BYTES * log.topics.length + log.data.length);
    }
    node.logs.push({ log, position: node.calls.length });
  }

  destroy(contract: Address, heir: Address, balance: bigint): void {
    if (this.#isShown(this.#open.length)) this.#budget.spend(FRAME_SIZE_BYTES);
    const nothing = { input: '0x', gas: 0, gasUsed: 0, output: NOTHING, error: null } as const;
    this.#add({ kind: 'SELFDESTRUCT', from: contract, to: heir, value: balance, ...nothing, calls: [], logs: [] });
  }

  #isShown(depth: number): boolean {
    return depth === 0 || !this.#options.onlyTop;
  }

  #told(input: Bytes): Bytes {
    this.#budget.spend(FRAME_SIZE_BYTES);
    this.#budget.spendData(input.length);
    return input;
  }

  #add(node: CallNode): CallNode {
    const parent = this.#open.at(-1);
    if (parent === undefined) this.#root = node;
    else parent.calls.push(node);
    return node;
  }
}
