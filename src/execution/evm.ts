import type { StateOverlay } from '../state/overlay.ts';
import type { Address, Bytes } from '../types/primitives.ts';
import type { Log } from '../types/receipt.ts';
import type { AccessList } from '../types/transaction.ts';
import type { EvmObserver } from './evm-observer.ts';
import type { EvmRunner } from './evm-runner.ts';
import type { BlockContext, ExecutionEnv } from './rules.ts';

export type EvmCall = {
  readonly caller: Address;
  /** null creates a contract, at the address that follows from the caller's nonce. */
  readonly to: Address | null;
  readonly value: bigint;
  readonly data: Bytes;
  /** What is left after the intrinsic gas. */
  readonly gasLimit: number;
  readonly gasPrice: bigint;
  readonly accessList: AccessList;
  /** Whether to keep what became warm; default no. */
  readonly reportsAccess?: boolean;
  readonly observer?: EvmObserver | undefined;
};

export type EvmOutcome = {
  readonly status: 'success' | 'reverted' | 'failed';
  readonly output: Bytes;
  /** Before refunds. */
  readonly gasUsed: number;
  /** Uncapped (EIP-3529 caps it over the whole transaction). */
  readonly gasRefund: bigint;
  readonly logs: readonly Log[];
  /** Coins that vanished with destroyed contracts, in wei. */
  readonly destroyed: bigint;
  /** Why it did not succeed. */
  readonly reason: string | null;
  /** What it touched of accounts and storage that was not warm from the start (EIP-2930), reverted frames too; empty unless asked for. */
  readonly accessed: AccessList;
};

/**
 * Bytecode in one block on one overlay. The library behind it (@ethereumjs/evm, Prague rules) takes a quarter of a second to load, so
 * it is loaded by the first call that needs it. Calls must not overlap.
 */
export class Evm {
  readonly #env: ExecutionEnv;
  readonly #block: BlockContext;
  readonly #overlay: StateOverlay;
  #runner: Promise<EvmRunner> | undefined;

  constructor(env: ExecutionEnv, block: BlockContext, overlay: StateOverlay) {
    this.#env = env;
    this.#block = block;
    this.#overlay = overlay;
  }

  /**
   * Moves the value, raises the caller's nonce and runs the code; fees are the caller's business, and so is a value that is not
   * covered. When it throws, the overlay has the checkpoints it had, and what was written since the last one is to be reverted.
   */
  async run(call: EvmCall): Promise<EvmOutcome> {
    this.#runner ??= import('./evm-runner.ts').then(({ createEvmRunner }) =>
      createEvmRunner(this.#env, this.#block, this.#overlay),
    );
    const runner = await this.#runner;
    try {
      return await runner.run(call);
    } catch (error) {
      runner.abandon();
      this.#runner = undefined;
      throw error;
    }
  }
}
