import type { Millis } from '../../src/types/primitives.ts';
import { ConfigError } from '../../src/util/errors.ts';
import { givenParams, shownParam, wholeParam, type ParamLimits } from '../common/read-params.ts';
import { bitsOf, POW_LIMIT } from './compact.ts';

export type PowParams = {
  /** Time between blocks that the difficulty aims at. */
  readonly blockTimeMs: Millis;
  /** Blocks between two changes of the difficulty. */
  readonly retargetBlocks: number;
  /** A block with this many on top of it is final. */
  readonly confirmations: number;
  /** Hashes a second of the whole network when it begins. */
  readonly hashRate: number;
  /** Wei for the first blocks, in decimal. */
  readonly reward: string;
  readonly halvingBlocks: number;
  /** A block that is searched for is filled anew after this long. */
  readonly refreshMs: Millis;
  /** A block may be this far ahead of our clock. */
  readonly futureMs: Millis;
};

const LIMITS: ParamLimits<Omit<PowParams, 'reward'>> = {
  blockTimeMs: [1, 3_600_000],
  retargetBlocks: [1, 1_000_000],
  // All blocks above finality are in memory, and a node holds 16,384 of them.
  confirmations: [1, 4096],
  hashRate: [1, 1_000_000_000_000_000],
  halvingBlocks: [1, 1_000_000_000],
  refreshMs: [10, 3_600_000],
  futureMs: [0, 3_600_000],
};
const KEYS = [...Object.keys(LIMITS), 'reward'];
const ENGINE = 'proof of work';
const HASHES = 2n ** 256n;
/** With the longest halving all rewards together stay far below what 256 bits hold. */
const REWARD_WEI_MAX = 10n ** 30n;
const FUTURE_MS_MIN = 500;
const FUTURE_MS_MAX = 15_000;

/** Completes parameters. Throws ConfigError; `data.path` names the key at fault (empty: the whole value). */
export function parsePowParams(json: unknown): PowParams {
  const given = givenParams(json, ENGINE, KEYS);
  if (given['blockTimeMs'] === 0) {
    throw new ConfigError('proof of work needs a block time: difficulty aims at it, so it can not be 0', {
      path: 'blockTimeMs',
    });
  }
  const read = (key: keyof typeof LIMITS, fallback: number): number => wholeParam(given, key, LIMITS[key], fallback);
  const blockTimeMs = read('blockTimeMs', 1000);
  return {
    blockTimeMs,
    retargetBlocks: read('retargetBlocks', 20),
    confirmations: read('confirmations', 6),
    hashRate: read('hashRate', 1_000_000),
    reward: readReward(given['reward']),
    halvingBlocks: read('halvingBlocks', 210_000),
    refreshMs: read('refreshMs', 1000),
    futureMs: read('futureMs', Math.min(Math.max(Math.floor(blockTimeMs / 2), FUTURE_MS_MIN), FUTURE_MS_MAX)),
  };
}

function readReward(value: unknown): string {
  if (value === undefined) return '2000000000000000000';
  // Text, because numbers are not exact where wei are counted.
  if (typeof value === 'string' && /^(?:0|[1-9]\d{0,30})$/.test(value) && BigInt(value) <= REWARD_WEI_MAX) return value;
  throw new ConfigError(`reward must be wei in decimal, as text, at most ${REWARD_WEI_MAX}`, {
    path: 'reward',
    value: shownParam(value),
  });
}

/** The first target, in compact form: the network's hashes in one block time find one block. */
export function initialBits(params: Pick<PowParams, 'hashRate' | 'blockTimeMs'>): number {
  const target = (HASHES * 1000n) / (BigInt(params.hashRate) * BigInt(params.blockTimeMs));
  return bitsOf(target < POW_LIMIT ? target : POW_LIMIT);
}
