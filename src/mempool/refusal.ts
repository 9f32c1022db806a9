import type { JsonObject } from '../types/primitives.ts';
import { ParleyError } from '../util/errors.ts';

/**
 * Why a transaction is not taken. A plain value: gossip refuses many, and an Error costs more than the checks. `message` begins with
 * the words that wallets and libraries look for, then says what it has and what it wants.
 */
export type Refusal = { readonly code: PoolCode; readonly message: string; readonly data: JsonObject };

export type PoolCode =
  | 'POOL_NONCE_TOO_LOW'
  | 'POOL_NONCE_TOO_HIGH'
  | 'POOL_ALREADY_KNOWN'
  | 'POOL_UNDERPRICED'
  | 'POOL_REPLACEMENT_UNDERPRICED'
  | 'POOL_INSUFFICIENT_FUNDS'
  | 'POOL_GAS_LIMIT'
  | 'POOL_INTRINSIC_GAS'
  | 'POOL_FEE_BELOW_BASE'
  | 'POOL_WRONG_CHAIN'
  | 'POOL_FULL'
  | 'POOL_SENDER_LIMIT'
  | 'POOL_BUSY'
  | 'POOL_INIT_CODE_SIZE'
  | 'POOL_SENDER_NOT_EOA'
  | 'POOL_JOURNAL_FAILED'
  | 'POOL_STOPPED';

type Figure = number | bigint;

export function refuse(code: PoolCode, message: string, data: JsonObject = {}): Refusal {
  return { code, message, data };
}

/** `want` is what would have passed; `relation` says how it is meant. */
export function refuseFigures(
  code: PoolCode,
  words: string,
  have: Figure,
  want: Figure,
  relation: '' | 'at least ' | 'at most ' = '',
): Refusal {
  const data = { have: have.toString(), want: want.toString() };
  return { code, message: `${words}: have ${data.have}, want ${relation}${data.want}`, data };
}

export function refusalError(refusal: Refusal, cause?: unknown): ParleyError {
  const options = cause === undefined ? undefined : { cause };
  return new ParleyError(refusal.code, refusal.message, refusal.data, options);
}
