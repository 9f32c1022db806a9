import { simulateBlocks } from '../../../../src/execution/simulation/simulate-blocks.ts';
import type { SimulationBase } from '../../../../src/execution/simulation/simulated-run.ts';
import type { ExecutionEnv } from '../../../../src/execution/rules.ts';
import type {
  SimulatedAccountOverride,
  SimulatedBlock,
  SimulatedBlockRequest,
  SimulatedCall,
  SimulatedCallRequest,
  SimulationRequest,
} from '../../../../src/node/api.ts';
import type { Address, Bytes, Hex } from '../../../../src/types/primitives.ts';
import { fromHex } from '../../../../src/util/hex.ts';
import { testEnv, testGenesis } from '../support.ts';

export const A: Address = `0x${'c0'.padEnd(40, '0')}`;
export const B: Address = `0x${'c1'.padEnd(40, '0')}`;
export const C: Address = `0x${'c2'.padEnd(40, '0')}`;
export const OUTPUT_MAX = 1_000_000;

export type BlockSpec = {
  readonly block?: SimulatedBlockRequest['block'];
  readonly accounts?: readonly (readonly [Address, SimulatedAccountOverride])[];
  readonly calls?: readonly SimulatedCallRequest[];
};

export type Options = Partial<Omit<SimulationRequest, 'blocks'>> & {
  readonly env?: ExecutionEnv;
  readonly base?: SimulationBase;
};

export function simulated(blocks: readonly BlockSpec[], options: Options = {}): Promise<readonly SimulatedBlock[]> {
  const { env = testEnv(), base = testGenesis(), ...rest } = options;
  return simulateBlocks(env, base, {
    isValidated: false,
    tracesTransfers: false,
    outputSizeBytesMax: OUTPUT_MAX,
    ...rest,
    blocks: blocks.map(({ block = {}, accounts = [], calls = [] }) => ({ block, accounts: new Map(accounts), calls })),
  });
}

/** The calls of all blocks. */
export async function results(blocks: readonly BlockSpec[], options: Options = {}): Promise<readonly SimulatedCall[]> {
  return (await simulated(blocks, options)).flatMap(({ calls }) => calls);
}

/** Code that returns what one opcode, or a few, leave on the stack. */
export function returning(opcodes: Hex): Bytes {
  return fromHex(`${opcodes}60005260206000f3`);
}

/** Pushes an address. */
export function push(address: Address): string {
  return `73${address.slice(2)}`;
}

/** Calls `to` with `value` (below 256) and no data, and drops the success. */
export function paying(to: Address, value: number): string {
  return `6000600060006000${byte(value)}${push(to)}5af150`;
}

function byte(value: number): string {
  return `60${value.toString(16).padStart(2, '0')}`;
}
