import { describe, expect, it } from 'vitest';
import { parseStakeParams, rulesOf } from '../../../../consensus/common/slots/stake-params.ts';
import { parseDposParams } from '../../../../consensus/dpos/params.ts';
import { parsePosParams } from '../../../../consensus/pos/params.ts';
import { COIN } from './harness.ts';

const pathOf = (parse: (json: unknown) => unknown, json: unknown): unknown => {
  try {
    parse(json);
  } catch (error) {
    expect(error).toMatchObject({ name: 'ConfigError', code: 'CONFIG' });
    return (error as { readonly data: { readonly path: unknown } }).data.path;
  }
  return 'no error';
};

describe('parameters of stake', () => {
  it('have defaults', () => {
    expect(parsePosParams(undefined)).toEqual(parsePosParams({}));
    expect(parsePosParams({})).toEqual({
      blockTimeMs: 1000,
      slotsPerEpoch: 8,
      clockToleranceMs: 1500,
      unfinalizedBlocksMax: 1024,
      rules: {
        stakeMinWei: (32n * COIN).toString(),
        ejectionStakeWei: (16n * COIN).toString(),
        delegationMinWei: (COIN / 100n).toString(),
        doubleSignPenaltyWei: COIN.toString(),
        surroundPenaltyWei: (COIN / 2n).toString(),
        correlationMultiplier: 3,
        reporterQuotient: 8,
        unbondingEpochs: 8,
        jailEpochs: 4,
        churnMin: 4,
        churnQuotient: 64,
      },
      wages: {
        attestationPpm: 10,
        carrierQuotient: 8,
        absencePpm: 10,
        leakAfterEpochs: 4,
        leakQuotient: 1024,
        missedTurnsMax: 0,
      },
    });
  });

  it('are plain JSON, and the rules come back in wei', () => {
    const params = parsePosParams({ stakeMin: 0.5 + 1, ejectionStake: 1.25 });
    expect(JSON.parse(JSON.stringify(params))).toEqual(params);
    expect(rulesOf(params)).toMatchObject({
      stakeMinWei: (3n * COIN) / 2n,
      ejectionStakeWei: (5n * COIN) / 4n,
      delegationMinWei: COIN / 100n,
      doubleSignPenaltyWei: COIN,
      surroundPenaltyWei: COIN / 2n,
      churnMin: 4,
    });
  });

  it('put ejection at half of the least stake unless told otherwise', () => {
    expect(rulesOf(parsePosParams({ stakeMin: 100 })).ejectionStakeWei).toBe(50n * COIN);
    expect(rulesOf(parsePosParams({ stakeMin: 100, ejectionStake: 100 })).ejectionStakeWei).toBe(100n * COIN);
    expect(rulesOf(parsePosParams({ ejectionStake: 0 })).ejectionStakeWei).toBe(0n);
  });

  it('of a family may have other defaults and keys of its own', () => {
    const family = { name: 'test', more: ['colour'], fallbacks: { missedTurnsMax: 9 } };
    const { params, given } = parseStakeParams({ colour: 'red' }, family);
    expect(params.wages.missedTurnsMax).toBe(9);
    expect(given['colour']).toBe('red');
    expect(parseStakeParams({ missedTurnsMax: 0 }, family).params.wages.missedTurnsMax).toBe(0);
    expect(parseDposParams({})).toMatchObject({ seats: 21, seatBaseWei: (32n * COIN).toString() });
    expect(parseDposParams({}).wages.missedTurnsMax).toBe(4);
  });

  it.each([
    ['a number', 7, ''],
    ['a list', [], ''],
    ['null', null, ''],
    ['an unknown key', { stakeMinimum: 32 }, 'stakeMinimum'],
    ['a key of another family', { seats: 3 }, 'seats'],
    ['no block time', { blockTimeMs: 0 }, 'blockTimeMs'],
    ['half a millisecond', { blockTimeMs: 100.5 }, 'blockTimeMs'],
    ['epochs of one slot', { slotsPerEpoch: 1 }, 'slotsPerEpoch'],
    ['a number as text', { slotsPerEpoch: '8' }, 'slotsPerEpoch'],
    ['a negative tolerance', { clockToleranceMs: -1 }, 'clockToleranceMs'],
    ['a leak at once', { leakAfterEpochs: 1 }, 'leakAfterEpochs'],
    ['a leak that divides by nothing', { leakQuotient: 0 }, 'leakQuotient'],
    ['a carrier’s part of more than all', { carrierQuotient: 0 }, 'carrierQuotient'],
    ['wages of more than the stake', { attestationPpm: 1_000_001 }, 'attestationPpm'],
    ['unbonding at once', { unbondingEpochs: 0 }, 'unbondingEpochs'],
    ['unbonding without end', { unbondingEpochs: 4097 }, 'unbondingEpochs'],
    ['stake as text', { stakeMin: '32' }, 'stakeMin'],
    ['no least stake', { stakeMin: 0 }, 'stakeMin'],
    ['stake that is no number', { stakeMin: Number.NaN }, 'stakeMin'],
    ['endless stake', { stakeMin: Infinity }, 'stakeMin'],
    ['dust as delegation', { delegationMin: 1e-10 }, 'delegationMin'],
    ['a negative penalty', { doubleSignPenalty: -1 }, 'doubleSignPenalty'],
    ['ejection above the least stake', { stakeMin: 32, ejectionStake: 32.1 }, 'ejectionStake'],
    ['memory for less than four epochs', { slotsPerEpoch: 16, unfinalizedBlocksMax: 63 }, 'unfinalizedBlocksMax'],
  ])('refuse %s and name it', (_, json, path) => {
    expect(pathOf(parsePosParams, json)).toBe(path);
    if (path !== 'seats') expect(pathOf(parseDposParams, json)).toBe(path);
  });

  it.each([
    ['no seats', { seats: 0 }, 'seats'],
    ['too many seats', { seats: 1001 }, 'seats'],
    ['a seat of negative worth', { seatBase: -1 }, 'seatBase'],
  ])('of delegates refuse %s', (_, json, path) => {
    expect(pathOf(parseDposParams, json)).toBe(path);
  });

  it('at their limits are taken', () => {
    const json = { blockTimeMs: 50, slotsPerEpoch: 16, unfinalizedBlocksMax: 64, stakeMin: 1, leakAfterEpochs: 2 };
    expect(parsePosParams(json)).toMatchObject({ blockTimeMs: 50, slotsPerEpoch: 16, unfinalizedBlocksMax: 64 });
  });
});
