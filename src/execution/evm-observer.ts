import type { Address, Bytes } from '../types/primitives.ts';
import type { Log } from '../types/receipt.ts';

export type FrameKind = 'CALL' | 'CALLCODE' | 'DELEGATECALL' | 'STATICCALL' | 'CREATE' | 'CREATE2';

/** One message of a transaction, as it begins. */
export type EvmFrame = {
  readonly kind: FrameKind;
  /** Whose code calls; of the outermost frame, who sent the transaction. */
  readonly from: Address;
  /** Whose code runs; null: a creation, whose address `exit` tells. */
  readonly to: Address | null;
  /** Moved with it, in wei; of a DELEGATECALL, what its code is told. */
  readonly value: bigint;
  /** Not to be kept: it may be the caller's memory. */
  readonly input: Bytes;
  readonly gasLimit: number;
};

export type EvmFrameEnd = {
  readonly output: Bytes;
  /** Before refunds. */
  readonly gasUsed: number;
  /** `revert`, or the words of the failure; null: it succeeded, and only then what it did stays. */
  readonly error: string | null;
  /** Where a creation put its contract, or would have. */
  readonly created: Address | null;
};

/** One opcode, before it runs. */
export type EvmStep = {
  readonly pc: number;
  /** As the yellow paper has it; of a byte that is none, `opcode 0xc not defined`. */
  readonly opcode: string;
  readonly gasLeft: number;
  /** All it costs but what a call hands on. */
  readonly gasCost: number;
  /** 1: the outermost frame. */
  readonly depth: number;
  /** Refunds so far, over all frames. */
  readonly gasRefund: number;
  /** Whose storage it sees. */
  readonly address: Address;
  /** A copy; the last is on top. */
  readonly stack: readonly bigint[];
  /** A copy, whole words. */
  readonly memory: Bytes;
};

/**
 * Watches calls run. Told synchronously and in order; what happened in a frame that fails in the end is told as well. A call that was
 * refused for its depth or for want of money has a frame too, which fails at once. To be watched costs several times the run, so nothing
 * is unless asked for. What an observer throws breaks the run off; it must have a code (ParleyError).
 */
export interface EvmObserver {
  enter(frame: EvmFrame): void;
  exit(end: EvmFrameEnd): void;
  /** Of the frame that was entered last and not left. */
  log(log: Log): void;
  /** SELFDESTRUCT: the balance goes to the heir. */
  destroy(contract: Address, heir: Address, balance: bigint): void;
  step?(step: EvmStep): void;
}

/** Tells of a call that runs no code. */
export function observePlainCall(observer: EvmObserver, frame: EvmFrame): void {
  observer.enter(frame);
  observer.exit({ output: new Uint8Array(0), gasUsed: 0, error: null, created: null });
}
