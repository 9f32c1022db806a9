/** State and block overrides of eth_call and its kin, in geth's shapes. */
import type { AccountOverride, BlockOverride } from '../src/node/api.ts';
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

const ACCOUNT: ParamType<AccountOverride> = mapped(
  object('state override', {
    balance: optional(QUANTITY, null),
    nonce: optional(NUMBER, null),
    code: optional(BYTES, null),
    state: WORDS,
    stateDiff: WORDS,
    movePrecompileToAddress: unsupported('movePrecompileToAddress'),
  }),
  ({ balance, nonce, code, state, stateDiff }, index) => {
    if (state !== null && stateDiff !== null) throw invalidParams(index, 'give `state` or `stateDiff`, not both');
    const override: Mutable<AccountOverride> = {};
    if (balance !== null) override.balance = balance;
    if (nonce !== null) override.nonce = nonce;
    if (code !== null) override.code = code;
    if (state !== null) override.state = state;
    if (stateDiff !== null) override.stateDiff = stateDiff;
    return override;
  },
  { allOf: [{ not: present('state', 'stateDiff') }] },
);

export const STATE_OVERRIDES: OptionalType<ReadonlyMap<Address, AccountOverride> | null> = optional(
  dictionary(ADDRESS, ACCOUNT, 'state overrides', ACCOUNTS_MAX),
  null,
);

/** Seconds, as blocks show them. */
const TIME: ParamType<number> = mapped(
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
      time: optional(TIME, null),
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
