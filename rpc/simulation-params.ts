/** The payload of eth_simulateV1 (ethereum/execution-apis, src/schemas/execute.yaml). */
import type { SimulatedAccountOverride, SimulatedBlockRequest } from '../src/node/api.ts';
import type { Address } from '../src/types/primitives.ts';
import { simulatedCall } from './call-params.ts';
import { invalidParams } from './errors.ts';
import { accountOverride, BLOCK_TIME } from './override-params.ts';
import { ADDRESS, FLAG, NUMBER, QUANTITY, SLOT } from './params.ts';
import {
  dictionary,
  list,
  mapped,
  nothingOf,
  object,
  optional,
  unsupported,
  type ParamType,
} from './schema/param-type.ts';

/** More than any simulation may have: what is over its own bounds is told apart (-38026). */
const ITEMS_MAX = 4096;

export type SimulationPayload = {
  readonly blocks: readonly SimulatedBlockRequest[];
  readonly isValidated: boolean;
  readonly tracesTransfers: boolean;
  readonly isFull: boolean;
};

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const ACCOUNT = accountOverride(optional(ADDRESS, null));

const BLOCK_OVERRIDES: ParamType<SimulatedBlockRequest['block']> = mapped(
  object('blockOverrides', {
    number: optional(NUMBER, null),
    time: optional(BLOCK_TIME, null),
    gasLimit: optional(NUMBER, null),
    feeRecipient: optional(ADDRESS, null),
    prevRandao: optional(SLOT, null),
    baseFeePerGas: optional(QUANTITY, null),
    withdrawals: nothingOf('withdrawals', { type: 'array', maxItems: 0 }),
    blobBaseFee: unsupported('blobBaseFee'),
    beaconRoot: unsupported('beaconRoot'),
    difficulty: unsupported('difficulty'),
  }),
  ({ number, time, gasLimit, feeRecipient, prevRandao, baseFeePerGas }) => {
    const override: Mutable<SimulatedBlockRequest['block']> = {};
    if (number !== null) override.number = number;
    if (time !== null) override.timeMs = time;
    if (gasLimit !== null) override.gasLimit = gasLimit;
    if (feeRecipient !== null) override.beneficiary = feeRecipient;
    if (prevRandao !== null) override.prevRandao = prevRandao;
    if (baseFeePerGas !== null) override.baseFeePerGas = baseFeePerGas;
    return override;
  },
);

function blockType(chainId: number): ParamType<SimulatedBlockRequest> {
  const fields = object('blockStateCalls entry', {
    blockOverrides: optional(BLOCK_OVERRIDES, {}),
    stateOverrides: optional(
      dictionary(ADDRESS, ACCOUNT, 'stateOverrides', ITEMS_MAX),
      new Map<Address, SimulatedAccountOverride>(),
    ),
    calls: optional(list(simulatedCall(chainId), { what: 'calls', items: 'call' }, ITEMS_MAX), [] as never[]),
  });
  return mapped(fields, ({ blockOverrides: block, stateOverrides: accounts, calls }) => ({ block, accounts, calls }));
}

export function simulationPayload(chainId: number): ParamType<SimulationPayload> {
  const blocks = list(blockType(chainId), { what: 'blockStateCalls', items: 'blockStateCalls entry' }, ITEMS_MAX);
  const some = mapped(
    blocks,
    (found, index) => {
      if (found.length > 0) return found;
      throw invalidParams(index, '`blockStateCalls` is empty');
    },
    { minItems: 1 },
  );
  const fields = object('payload', {
    blockStateCalls: some,
    traceTransfers: optional(FLAG, false),
    validation: optional(FLAG, false),
    returnFullTransactions: optional(FLAG, false),
  });
  return mapped(fields, ({ blockStateCalls, traceTransfers, validation, returnFullTransactions }) => ({
    blocks: blockStateCalls,
    isValidated: validation,
    tracesTransfers: traceTransfers,
    isFull: returnFullTransactions,
  }));
}
