import type { Millis } from '../../src/types/primitives.ts';
import { ConfigError } from '../../src/util/errors.ts';
import { givenParams, wholeParam, type ParamLimits } from '../common/read-params.ts';

export type PoaParams = {
  /** Least time between two blocks. 0: a block as soon as transactions wait, and none without need. */
  readonly blockTimeMs: Millis;
  /** How long each further authority in turn order waits for those before it. */
  readonly backupDelayMs: Millis;
  /** After this many blocks all standing votes about authorities are dropped. */
  readonly epochBlocks: number;
  /** Every so many blocks there is one that can become final. */
  readonly checkpointBlocks: number;
  /** A block may claim to be this far ahead of our clock. */
  readonly clockToleranceMs: Millis;
  /** That many blocks above finality, authorities go on only with blocks that bring finality forward. */
  readonly unfinalizedBlocksMax: number;
};

const LIMITS: ParamLimits<PoaParams> = {
  blockTimeMs: [0, 3_600_000],
  backupDelayMs: [1, 3_600_000],
  epochBlocks: [1, 1_000_000_000],
  checkpointBlocks: [1, 1_000_000],
  clockToleranceMs: [0, 3_600_000],
  unfinalizedBlocksMax: [8, 100_000],
};

/** Completes parameters. Throws ConfigError; `data.path` names the key at fault (empty: the whole value). */
export function parsePoaParams(json: unknown): PoaParams {
  const given = givenParams(json, 'proof of authority', Object.keys(LIMITS));
  const read = (key: keyof PoaParams, fallback: number): number => wholeParam(given, key, LIMITS[key], fallback);
  const blockTimeMs = read('blockTimeMs', 1000);
  const params = {
    blockTimeMs,
    backupDelayMs: read('backupDelayMs', Math.max(Math.floor(blockTimeMs / 2), 200)),
    epochBlocks: read('epochBlocks', 30_000),
    checkpointBlocks: read('checkpointBlocks', 1),
    clockToleranceMs: read('clockToleranceMs', 1500),
    unfinalizedBlocksMax: read('unfinalizedBlocksMax', 1024),
  };
  if (params.unfinalizedBlocksMax < 4 * params.checkpointBlocks) {
    throw new ConfigError(
      `unfinalizedBlocksMax must be at least four times checkpointBlocks (${4 * params.checkpointBlocks}), or nothing gets final`,
      { path: 'unfinalizedBlocksMax' },
    );
  }
  return params;
}

/** Times of blocks on one branch differ by at least this. */
export function blockDistanceMs(params: PoaParams): Millis {
  return Math.max(params.blockTimeMs, 1);
}

/**
 * The stretch of time in which an authority seals at most one block, wherever on whichever branch. Counted in time and
 * not in height, because after a change of branch an authority may be the only one left to seal a height it has sealed
 * before (README.md, "Why slots").
 */
export function slotOf(params: PoaParams, timeMs: Millis): number {
  return Math.floor(timeMs / blockDistanceMs(params));
}

export function slotStartMs(params: PoaParams, slot: number): Millis {
  return slot * blockDistanceMs(params);
}
