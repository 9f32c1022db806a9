import type { StakingRules } from '../../../src/types/staking.ts';
import { ConfigError } from '../../../src/util/errors.ts';
import { coinsParam, givenParams, wholeParam } from '../read-params.ts';
import type { SlotParams, Wages } from './family.ts';

/** The rules as JSON, which a genesis commits to: amounts as decimal strings. */
type RulesJson = { readonly [K in keyof StakingRules]: StakingRules[K] extends bigint ? string : StakingRules[K] };

/** What every family of staking engines lets be configured: time, stake, wages. Plain JSON. */
export type StakeParams = SlotParams & { readonly rules: RulesJson; readonly wages: Wages };

export function rulesOf({ rules }: StakeParams): StakingRules {
  return {
    ...rules,
    stakeMinWei: BigInt(rules.stakeMinWei),
    ejectionStakeWei: BigInt(rules.ejectionStakeWei),
    delegationMinWei: BigInt(rules.delegationMinWei),
    doubleSignPenaltyWei: BigInt(rules.doubleSignPenaltyWei),
    surroundPenaltyWei: BigInt(rules.surroundPenaltyWei),
  };
}

/** Lowest and highest, and what it is where nothing is said. */
const WHOLE: { readonly [key: string]: readonly [low: number, high: number, fallback: number] } = {
  blockTimeMs: [50, 3_600_000, 1000],
  slotsPerEpoch: [2, 1024, 8],
  clockToleranceMs: [0, 3_600_000, 1500],
  unfinalizedBlocksMax: [16, 100_000, 1024],
  // A penalty looks at the coins that leave in each of them.
  unbondingEpochs: [1, 4096, 8],
  jailEpochs: [1, 1_000_000, 4],
  churnMin: [1, 1_000_000, 4],
  churnQuotient: [1, 1_000_000_000, 64],
  correlationMultiplier: [0, 1000, 3],
  reporterQuotient: [1, 1_000_000, 8],
  attestationPpm: [0, 1_000_000, 10],
  carrierQuotient: [1, 1_000_000, 8],
  absencePpm: [0, 1_000_000, 10],
  leakAfterEpochs: [2, 1_000_000, 4],
  leakQuotient: [1, 1_000_000_000, 1024],
  missedTurnsMax: [0, 1_000_000, 0],
};

/** In coins. */
const COINS: { readonly [key: string]: readonly [low: number, high: number, fallback: number] } = {
  stakeMin: [1, 1_000_000, 32],
  delegationMin: [0.000_000_001, 1_000_000, 0.01],
  doubleSignPenalty: [0, 1_000_000, 1],
  surroundPenalty: [0, 1_000_000, 0.5],
};

type Fallbacks = { readonly [key: string]: number };

/** Completes parameters. `more`: keys of the family itself, which it reads from `given`. Throws ConfigError; `data.path` names the key at fault. */
export function parseStakeParams(
  json: unknown,
  family: { readonly name: string; readonly more: readonly string[]; readonly fallbacks?: Fallbacks },
): { readonly params: StakeParams; readonly given: { readonly [key: string]: unknown } } {
  const given = givenParams(json, family.name, [
    ...Object.keys(WHOLE),
    ...Object.keys(COINS),
    'ejectionStake',
    ...family.more,
  ]);
  const whole = (key: string): number => {
    const [low, high, fallback] = WHOLE[key] ?? [0, 0, 0];
    return wholeParam(given, key, [low, high], family.fallbacks?.[key] ?? fallback);
  };
  const coins = (key: string): bigint => {
    const [low, high, fallback] = COINS[key] ?? [0, 0, 0];
    return coinsParam(given, key, [low, high], fallback);
  };
  const stakeMinWei = coins('stakeMin');
  const ejectionStakeWei =
    given['ejectionStake'] === undefined ? stakeMinWei / 2n : coinsParam(given, 'ejectionStake', [0, 1_000_000], 0);
  if (ejectionStakeWei > stakeMinWei) {
    throw new ConfigError('ejectionStake must not be above stakeMin, or newcomers go at once', {
      path: 'ejectionStake',
    });
  }
  const params: StakeParams = {
    blockTimeMs: whole('blockTimeMs'),
    slotsPerEpoch: whole('slotsPerEpoch'),
    clockToleranceMs: whole('clockToleranceMs'),
    unfinalizedBlocksMax: whole('unfinalizedBlocksMax'),
    rules: {
      stakeMinWei: stakeMinWei.toString(),
      ejectionStakeWei: ejectionStakeWei.toString(),
      delegationMinWei: coins('delegationMin').toString(),
      doubleSignPenaltyWei: coins('doubleSignPenalty').toString(),
      surroundPenaltyWei: coins('surroundPenalty').toString(),
      correlationMultiplier: whole('correlationMultiplier'),
      reporterQuotient: whole('reporterQuotient'),
      unbondingEpochs: whole('unbondingEpochs'),
      jailEpochs: whole('jailEpochs'),
      churnMin: whole('churnMin'),
      churnQuotient: whole('churnQuotient'),
    },
    wages: {
      attestationPpm: whole('attestationPpm'),
      carrierQuotient: whole('carrierQuotient'),
      absencePpm: whole('absencePpm'),
      leakAfterEpochs: whole('leakAfterEpochs'),
      leakQuotient: whole('leakQuotient'),
      missedTurnsMax: whole('missedTurnsMax'),
    },
  };
  if (params.unfinalizedBlocksMax < 4 * params.slotsPerEpoch) {
    throw new ConfigError(
      `unfinalizedBlocksMax must be at least four epochs (${4 * params.slotsPerEpoch}), or nothing gets final`,
      {
        path: 'unfinalizedBlocksMax',
      },
    );
  }
  return { params, given };
}
