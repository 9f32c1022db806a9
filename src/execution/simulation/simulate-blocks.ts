import type { SimulatedBlock, SimulatedCall, SimulationRequest } from '../../node/api.ts';
import { ZERO_HASH, type Hash } from '../../types/primitives.ts';
import { ParleyError } from '../../util/errors.ts';
import { Pauses, STEPS_PER_FRAME } from '../pauses.ts';
import type { ExecutionEnv } from '../rules.ts';
import { blockSequence, type NumberedBlock } from './block-sequence.ts';
import { Budget } from './budget.ts';
import { SimulatedRun, type SimulatedRunOptions, type SimulationBase } from './simulated-run.ts';
import { simulationError, type SimulationErrorCode } from './simulation-error.ts';

/** A block is worth as many frames: what it changed is hashed. */
const FRAMES_PER_BLOCK = 8;

/** By what `applyTransaction` and the pause throw. */
const CODES: ReadonlyMap<string, SimulationErrorCode> = new Map([
  ['BLOCK_TX_INIT_CODE', 'SIMULATION_INIT_CODE'],
  ['BLOCK_TX_INTRINSIC_GAS', 'SIMULATION_INTRINSIC_GAS'],
  ['BLOCK_TX_NONCE_LOW', 'SIMULATION_NONCE_LOW'],
  ['BLOCK_TX_NONCE_HIGH', 'SIMULATION_NONCE_HIGH'],
  ['BLOCK_TX_FUNDS', 'SIMULATION_FUNDS'],
  ['BLOCK_TX_FEE', 'SIMULATION_BASE_FEE'],
  ['BLOCK_TX_GAS', 'SIMULATION_BLOCK_GAS'],
  ['BLOCK_TX_EXECUTION', 'SIMULATION_EXECUTION'],
  ['EXECUTION_TIMEOUT', 'SIMULATION_TIMEOUT'],
]);

/**
 * Makes the blocks on `base` and forgets them: nothing of it is seen by anybody else. A call that fails is a result; one that could be
 * in no block ends it all. Throws ParleyError with a SimulationErrorCode (data.block and data.call say which, where it is one call's
 * fault), CodecError TX_*, and what reading state throws.
 */
export async function simulateBlocks(
  env: ExecutionEnv,
  base: SimulationBase,
  request: SimulationRequest,
): Promise<readonly SimulatedBlock[]> {
  Budget.check(request.blocks);
  const hashes: Hash[] = [];
  const chained: ExecutionEnv = { ...env, blockHash: (number) => hashAt(env, base, hashes, number) };
  const { isValidated, tracesTransfers, outputSizeBytesMax } = request;
  const options = { isValidated, tracesTransfers, budget: new Budget(outputSizeBytesMax) };
  const pauses = new Pauses(env.pause);
  const blocks: SimulatedBlock[] = [];
  let parent = base;
  for (const numbered of blockSequence(base.header, request.blocks)) {
    const { run, calls } = await runBlock(chained, parent, numbered, { ...options, pauses });
    const { made, view } = run.finish();
    await translated(() => pauses.count(FRAMES_PER_BLOCK * STEPS_PER_FRAME));
    hashes.push(made.hash);
    blocks.push({ view, prevRandao: numbered.request?.block.prevRandao ?? null, calls });
    parent = made;
  }
  return blocks;
}

async function runBlock(
  env: ExecutionEnv,
  parent: SimulationBase,
  numbered: NumberedBlock,
  { pauses, ...options }: SimulatedRunOptions & { readonly pauses: Pauses },
): Promise<{ readonly run: SimulatedRun; readonly calls: readonly SimulatedCall[] }> {
  const run = new SimulatedRun(env, parent, numbered, options);
  const calls: SimulatedCall[] = [];
  for (const call of numbered.request?.calls ?? []) {
    const place = { block: numbered.number, call: calls.length };
    calls.push(
      await translated(async () => {
        await pauses.count(STEPS_PER_FRAME);
        return run.apply(call);
      }, place),
    );
  }
  return { run, calls };
}

/** Blocks of the simulation, then those that they stand on. */
function hashAt(env: ExecutionEnv, base: SimulationBase, made: readonly Hash[], number: number): Hash {
  const { header, hash } = base;
  if (number > header.number) return made[number - header.number - 1] ?? ZERO_HASH;
  return number === header.number ? hash : env.blockHash(number, hash);
}

async function translated<T>(
  work: () => T | Promise<T>,
  place: { readonly block: number; readonly call: number } | null = null,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ParleyError)) throw error;
    const code = CODES.get(error.code);
    if (code !== undefined) throw simulationError(code, error.message, { ...place });
    throw error.code.startsWith('SIMULATION_')
      ? simulationError(error.code as SimulationErrorCode, error.message, { ...error.data, ...place })
      : error;
  }
}
