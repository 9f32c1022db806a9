import type { SimulatedCall, SimulatedBlockRequest } from '../../node/api.ts';
import { CALL_GAS_MAX } from '../rules.ts';
import { SIMULATED_CALLS_MAX, SIMULATED_OVERRIDES_MAX } from './limits.ts';
import { simulationError } from './simulation-error.ts';

/** Where a log is: block, transaction, indexes. In an answer a byte of output takes two characters, and so here. */
const LOG_OVERHEAD_BYTES = 250;
const CALL_OVERHEAD_BYTES = 100;
const TOPIC_SIZE_BYTES = 32;

/** What one request may still cost. Throws ParleyError SIMULATION_LIMIT when it asks for more. */
export class Budget {
  readonly #outputSizeBytesMax: number;
  #gas = CALL_GAS_MAX;
  #outputSizeBytes = 0;

  constructor(outputSizeBytesMax: number) {
    this.#outputSizeBytesMax = outputSizeBytesMax;
  }

  /** What can be known before anything runs. */
  static check(blocks: readonly SimulatedBlockRequest[]): void {
    let [calls, overrides] = [0, 0];
    for (const block of blocks) {
      calls += block.calls.length;
      for (const { state, stateDiff } of block.accounts.values()) overrides += 1 + ((state ?? stateDiff)?.size ?? 0);
    }
    if (calls > SIMULATED_CALLS_MAX) throw over(`${SIMULATED_CALLS_MAX} calls`, { calls });
    if (overrides > SIMULATED_OVERRIDES_MAX) {
      throw over(`${SIMULATED_OVERRIDES_MAX} overridden accounts and words`, { overrides });
    }
  }

  /** The gas limit of a call that wants so much and cannot do with less than `gasMin`. */
  gasLimit(wanted: number, gasMin: number): number {
    if (wanted >= gasMin && this.#gas < gasMin) throw over(`${CALL_GAS_MAX} gas`, { gasMax: CALL_GAS_MAX });
    return Math.min(wanted, this.#gas);
  }

  take({ gasUsedMax, output, logs }: SimulatedCall): void {
    this.#gas -= gasUsedMax;
    this.#outputSizeBytes += CALL_OVERHEAD_BYTES + output.length;
    for (const { topics, data } of logs) {
      this.#outputSizeBytes += LOG_OVERHEAD_BYTES + topics.length * TOPIC_SIZE_BYTES + data.length / 2;
    }
    if (this.#outputSizeBytes > this.#outputSizeBytesMax) throw over(`${this.#outputSizeBytesMax} bytes of output`);
  }
}

function over(bound: string, data: Readonly<Record<string, number>> = {}): Error {
  return simulationError('SIMULATION_LIMIT', `a simulation may have ${bound}: ask for less at once`, data);
}
