import { coinsParam, wholeParam } from '../common/read-params.ts';
import { parseStakeParams, type StakeParams } from '../common/slots/stake-params.ts';

export type DposParams = StakeParams & {
  /** Delegates in an epoch, at most. */
  readonly seats: number;
  /** What wages are counted from, for every seat alike; a decimal string. */
  readonly seatBaseWei: string;
};

/** Completes parameters. Throws ConfigError; `data.path` names the key at fault. */
export function parseDposParams(json: unknown): DposParams {
  const family = { name: 'delegated proof of stake', more: ['seats', 'seatBase'], fallbacks: { missedTurnsMax: 4 } };
  const { params, given } = parseStakeParams(json, family);
  return {
    ...params,
    seats: wholeParam(given, 'seats', [1, 1000], 21),
    seatBaseWei: coinsParam(given, 'seatBase', [0, 1_000_000], 32).toString(),
  };
}
