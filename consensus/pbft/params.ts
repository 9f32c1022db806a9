import type { Millis } from '../../src/types/primitives.ts';
import { ConfigError } from '../../src/util/errors.ts';
import { givenParams, shownParam, wholeParam, type ParamLimits } from '../common/read-params.ts';

/** When blocks without transactions are made: one after another, not at all, or so long after the last block. */
export type EmptyBlocks = 'always' | 'never' | { readonly afterMs: Millis };

/** Who is primary of the first view of a height: whoever made the last block, or the one after. */
export type ProposerOrder = 'sticky' | 'rotating';

export type PbftParams = {
  /** Least time between two blocks. */
  readonly blockTimeMs: Millis;
  /** How long view 0 of a height may take; each further view has twice the time … */
  readonly viewTimeoutMs: Millis;
  /** … up to this. */
  readonly viewTimeoutMsMax: Millis;
  readonly emptyBlocks: EmptyBlocks;
  readonly proposers: ProposerOrder;
  /** A block may claim to be this far ahead of our clock. */
  readonly clockToleranceMs: Millis;
};

const LIMITS: ParamLimits<Omit<PbftParams, 'emptyBlocks' | 'proposers'>> = {
  blockTimeMs: [0, 3_600_000],
  viewTimeoutMs: [100, 3_600_000],
  viewTimeoutMsMax: [100, 86_400_000],
  clockToleranceMs: [0, 3_600_000],
};
const KEYS = [...Object.keys(LIMITS), 'emptyBlocks', 'proposers'];

/** "after 5000": at least this much, so that an idle network is not a busy one. */
const EMPTY_AFTER_MS: readonly [low: number, high: number] = [100, 86_400_000];

const PATIENT_TIMEOUT_MS = 30_000;

/** Completes parameters. Throws ConfigError; `data.path` names the key at fault (empty: the whole value). */
export function parsePbftParams(json: unknown): PbftParams {
  const given = givenParams(json, 'pbft', KEYS);
  const read = (key: keyof typeof LIMITS, fallback: number): number => wholeParam(given, key, LIMITS[key], fallback);
  const blockTimeMs = read('blockTimeMs', 1000);
  const viewTimeoutMs = read('viewTimeoutMs', 2000);
  const viewTimeoutMsMax = read('viewTimeoutMsMax', Math.max(PATIENT_TIMEOUT_MS, viewTimeoutMs));
  if (viewTimeoutMsMax < viewTimeoutMs) {
    throw new ConfigError(`viewTimeoutMsMax must be at least viewTimeoutMs (${viewTimeoutMs})`, {
      path: 'viewTimeoutMsMax',
    });
  }
  return {
    blockTimeMs,
    viewTimeoutMs,
    viewTimeoutMsMax,
    emptyBlocks: readEmptyBlocks(given['emptyBlocks'], blockTimeMs),
    proposers: readProposers(given['proposers']),
    clockToleranceMs: read('clockToleranceMs', 1500),
  };
}

function readEmptyBlocks(value: unknown, blockTimeMs: Millis): EmptyBlocks {
  if (value === undefined) return blockTimeMs > 0 ? 'always' : 'never';
  if (value === 'never') return value;
  if (value === 'always') {
    if (blockTimeMs > 0) return value;
    throw new ConfigError('emptyBlocks "always" needs a blockTimeMs, or blocks never end', { path: 'emptyBlocks' });
  }
  const [low, high] = EMPTY_AFTER_MS;
  const digits = typeof value === 'string' ? /^after ([1-9][0-9]{0,9})$/.exec(value)?.[1] : undefined;
  const afterMs = Number(digits ?? 0);
  if (afterMs >= low && afterMs <= high) return { afterMs };
  throw new ConfigError(`emptyBlocks must be "always", "never" or "after <ms>" with ${low} to ${high} milliseconds`, {
    path: 'emptyBlocks',
    value: shownParam(value),
  });
}

function readProposers(value: unknown): ProposerOrder {
  if (value === undefined) return 'sticky';
  if (value === 'sticky' || value === 'rotating') return value;
  throw new ConfigError('proposers must be "sticky" or "rotating"', { path: 'proposers', value: shownParam(value) });
}

/** Times of a block and its parent differ by at least this. */
export function blockDistanceMs(params: PbftParams): Millis {
  return Math.max(params.blockTimeMs, 1);
}

/** How long after its parent an empty block is wanted; null: never. */
export function emptyBlockAfterMs(params: PbftParams): Millis | null {
  const { emptyBlocks } = params;
  if (emptyBlocks === 'never') return null;
  return emptyBlocks === 'always' ? blockDistanceMs(params) : Math.max(emptyBlocks.afterMs, blockDistanceMs(params));
}

export function viewTimeoutMs(params: PbftParams, view: number): Millis {
  return Math.min(params.viewTimeoutMs * 2 ** Math.min(view, 40), params.viewTimeoutMsMax);
}

/** As the configuration spells it. */
export function showEmptyBlocks(emptyBlocks: EmptyBlocks): string {
  return typeof emptyBlocks === 'string' ? emptyBlocks : `after ${emptyBlocks.afterMs}`;
}
