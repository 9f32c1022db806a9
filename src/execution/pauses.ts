import type { EVMOpts } from '@ethereumjs/evm';

/**
 * Every loop of bytecode passes a jump target, and every call opens a frame: counting both bounds what runs between two pauses. A
 * frame may be a precompile of several milliseconds, so it counts for more.
 */
const STEPS_BETWEEN_PAUSES = 512;
export const STEPS_PER_FRAME = 32;
const JUMPDEST = 0x5b;

/** Counts steps and lets the host breathe. */
export class Pauses {
  readonly #pause: (() => Promise<void>) | undefined;
  #steps = 0;

  constructor(pause: (() => Promise<void>) | undefined) {
    this.#pause = pause;
  }

  count(steps: number): Promise<void> | undefined {
    this.#steps += steps;
    if (this.#steps < STEPS_BETWEEN_PAUSES) return undefined;
    this.#steps = 0;
    return this.#pause?.();
  }

  /** JUMPDEST as it is (1 gas, no effect), counted. */
  opcodes(): NonNullable<EVMOpts['customOpcodes']> {
    if (this.#pause === undefined) return [];
    const logicFunction = (): Promise<void> | void => this.count(1);
    return [{ opcode: JUMPDEST, opcodeName: 'JUMPDEST', baseFee: 1, logicFunction }];
  }
}
