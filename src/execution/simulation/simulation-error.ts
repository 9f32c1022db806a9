import type { JsonObject } from '../../types/primitives.ts';
import { ParleyError } from '../../util/errors.ts';

/** What ends a simulation without a result; ethereum/execution-apis gives most of them numbers (src/eth/execute.yaml). */
export type SimulationErrorCode =
  | 'SIMULATION_NONCE_LOW'
  | 'SIMULATION_NONCE_HIGH'
  | 'SIMULATION_BASE_FEE'
  | 'SIMULATION_INTRINSIC_GAS'
  | 'SIMULATION_FUNDS'
  | 'SIMULATION_BLOCK_GAS'
  | 'SIMULATION_BLOCK_NUMBER'
  | 'SIMULATION_BLOCK_TIME'
  /** A system address is to be paid. */
  | 'SIMULATION_BENEFICIARY'
  | 'SIMULATION_MOVE_TO_ITSELF'
  | 'SIMULATION_MOVE_TWICE'
  /** What is to be moved is no precompile, or where it is to be is overridden. */
  | 'SIMULATION_MOVE'
  | 'SIMULATION_INIT_CODE'
  /** More blocks, calls, gas, overrides or output than one request may have. */
  | 'SIMULATION_LIMIT'
  /** The EVM broke down. */
  | 'SIMULATION_EXECUTION'
  | 'SIMULATION_TIMEOUT';

export function simulationError(code: SimulationErrorCode, message: string, data: JsonObject = {}): ParleyError {
  return new ParleyError(code, message, data);
}
