/** State and block overrides of eth_call and its kin, in geth's shapes. */
import type { AccountOverride, BlockOverride, Overrides, SimulatedAccountOverride } from '../src/node/api.ts';
import type { Address, Hash } from '../src/types/primitives.ts';
import { invalidParams } from './errors.ts';
import { ADDRESS, BYTES, HASH, NUMBER, QUANTITY, SLOT } from './params.ts';
import {
  dictionary,
  mapped,
  object,
  optional,
  present,
  unsupported,
  type OptionalType,
  type ParamType,
} from './schema/param-type.ts';

const ACCOUNTS_MAX = 1024;
const WORDS_MAX = 4096;
/** What Date can hold, in seconds: blocks count milliseconds. */
const TIME_SECONDS_MAX = 8_640_000_000_000;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const WORDS: OptionalType<ReadonlyMap<Hash, Hash> | null> = optional(
  dictionary(SLOT, HASH, 'storage', WORDS_MAX),
  null,
);

/** `movesTo`: how it is read where the precompile is to be found. */
export function accountOverride(movesTo: OptionalType<Address | null>): ParamType<SimulatedAccountOverride> {
  const fields = object('state override', {
    balance: optional(QUANTITY, null),
    nonce: optional(NUMBER, null),
    code: optional(BYTES, null),
    state: WORDS,
    stateDiff: WORDS,
    movePrecompileToAddress: movesTo,
  });
  return mapped(
    fields,
    ({ balance, nonce, code, state, stateDiff, movePrecompileToAddress: to }, index) => {
      if (state !== null && stateDiff !== null) throw invalidParams(index, 'give `state` or `stateDiff`, not both');
      const override: Mutable<SimulatedAccountOverride> = {};
      if (balance !== null) override.balance = balance;
      if (nonce !== null) override.nonce = nonce;
      if (code !== null) override.code = code;
      if (state !== null) override.state = state;
      if (stateDiff !== null) override.stateDiff = stateDiff;
      if (to !== null) override.movePrecompileTo = to;
      return override;
    },
    { allOf: [{ not: present('state', 'stateDiff') }] },
  );
}

const ACCOUNT: ParamType<AccountOverride> = accountOverride(unsupported('movePrecompileToAddress'));

export const STATE_OVERRIDES: OptionalType<ReadonlyMap<Address, AccountOverride> | null> = optional(
  dictionary(ADDRESS, ACCOUNT, 'state overrides', ACCOUNTS_MAX),
  null,
);

/** Seconds, as blocks show them. */
export const BLOCK_TIME: ParamType<number> = mapped(
  NUMBER,
  (seconds, index) => {
    if (seconds <= TIME_SECONDS_MAX) return seconds * 1000;
    throw invalidParams(index, `\`time\` is above ${TIME_SECONDS_MAX} s`);
  },
  { description: `Seconds, at most ${TIME_SECONDS_MAX}.` },
);

/** Two names for three of them: geth's older ones, and those of eth_simulateV1. */
export const BLOCK_OVERRIDES: OptionalType<BlockOverride | null> = optional(
  mapped(
    object('block overrides', {
      number: optional(NUMBER, null),
      time: optional(BLOCK_TIME, null),
      gasLimit: optional(NUMBER, null),
      baseFee: optional(QUANTITY, null),
      baseFeePerGas: optional(QUANTITY, null),
      coinbase: optional(ADDRESS, null),
      feeRecipient: optional(ADDRESS, null),
      difficulty: unsupported('difficulty'),
      random: unsupported('random'),
      prevRandao: unsupported('prevRandao'),
      blobBaseFee: unsupported('blobBaseFee'),
      beaconRoot: unsupported('beaconRoot'),
      withdrawals: unsupported('withdrawals'),
    }),
    (fields) => {
      const baseFee = fields.baseFeePerGas ?? fields.baseFee;
      const beneficiary = fields.feeRecipient ?? fields.coinbase;
      const override: Mutable<BlockOverride> = {};
      if (fields.number !== null) override.number = fields.number;
      if (fields.time !== null) override.timeMs = fields.time;
      if (fields.gasLimit !== null) override.gasLimit = fields.gasLimit;
      if (baseFee !== null) override.baseFeePerGas = baseFee;
      if (beneficiary !== null) override.beneficiary = beneficiary;
      return override;
    },
  ),
  null,
);

/** Of the two parameters of a call. */
export function overridesOf(
  accounts: ReadonlyMap<Address, AccountOverride> | null,
  block: BlockOverride | null,
): Overrides {
  return { ...(accounts !== null && { accounts }), ...(block !== null && { block }) };
}
