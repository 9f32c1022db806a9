import { parseStakeParams, type StakeParams } from '../common/slots/stake-params.ts';

export type PosParams = StakeParams;

/** Completes parameters. Throws ConfigError; `data.path` names the key at fault. */
export function parsePosParams(json: unknown): PosParams {
  return parseStakeParams(json, { name: 'proof of stake', more: [] }).params;
}
