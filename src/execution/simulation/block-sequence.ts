import type { SimulatedBlockRequest } from '../../node/api.ts';
import type { Header } from '../../types/block.ts';
import type { Millis } from '../../types/primitives.ts';
import { SIMULATED_BLOCKS_MAX } from './limits.ts';
import { simulationError } from './simulation-error.ts';

export type NumberedBlock = {
  readonly number: number;
  readonly timeMs: Millis;
  /** null: it fills a gap. */
  readonly request: SimulatedBlockRequest | null;
};

/** Between blocks that name no time. */
const BLOCK_TIME_MS = 1_000;

/**
 * The blocks to be made on `base`. Numbers ascend; times do not fall, in whole seconds as they are given, and a block in the second of
 * the one before takes its milliseconds. Throws ParleyError SIMULATION_BLOCK_NUMBER, SIMULATION_BLOCK_TIME or SIMULATION_LIMIT.
 */
export function blockSequence(
  base: Pick<Header, 'number' | 'timeMs'>,
  requests: readonly SimulatedBlockRequest[],
): readonly NumberedBlock[] {
  const blocks: NumberedBlock[] = [];
  let last: Pick<NumberedBlock, 'number' | 'timeMs'> = base;
  const add = (number: number, timeMs: Millis, request: SimulatedBlockRequest | null): void => {
    last = { number, timeMs };
    blocks.push({ number, timeMs, request });
  };
  for (const request of requests) {
    const { number = last.number + 1, timeMs } = request.block;
    checkNumber(number, last.number, base.number);
    while (last.number + 1 < number) add(last.number + 1, last.timeMs + BLOCK_TIME_MS, null);
    add(number, timeMs === undefined ? last.timeMs + BLOCK_TIME_MS : timeNotBefore(last.timeMs, timeMs), request);
  }
  return blocks;
}

function checkNumber(number: number, before: number, base: number): void {
  if (number <= before) {
    throw simulationError('SIMULATION_BLOCK_NUMBER', `block ${number} cannot come after block ${before}`, {
      number,
      before,
    });
  }
  if (number - base <= SIMULATED_BLOCKS_MAX) return;
  throw simulationError('SIMULATION_LIMIT', `at most ${SIMULATED_BLOCKS_MAX} blocks can be simulated`, {
    blocksMax: SIMULATED_BLOCKS_MAX,
  });
}

function timeNotBefore(beforeMs: Millis, givenMs: Millis): Millis {
  const [time, before] = [givenMs, beforeMs].map((timeMs) => Math.floor(timeMs / 1000)) as [number, number];
  if (time >= before) return Math.max(beforeMs, givenMs);
  throw simulationError('SIMULATION_BLOCK_TIME', `a block at ${time} s cannot come after one at ${before} s`, {
    time,
    before,
  });
}
