import { decodeAbi, encodeAbi, encodeRevertReason, type AbiValue } from '../../codec/abi.ts';
import type { AbiFunction } from '../../codec/abi-signature.ts';
import type { Bytes, Hash } from '../../types/primitives.ts';
import type { Log } from '../../types/receipt.ts';
import type { StakingRules } from '../../types/staking.ts';
import { assert } from '../../util/assert.ts';
import { CodecError } from '../../util/errors.ts';
import { fromHex, toHex } from '../../util/hex.ts';
import type { ChainConfig, ConsensusRules } from '../rules.ts';
import { STAKING_ADDRESS } from '../rules.ts';
import type { SystemCall, SystemCallResult, SystemContract, SystemContracts } from '../system-contracts.ts';
import { EVENTS_BY_NAME, FUNCTIONS_BY_SELECTOR } from './abi.ts';
import { StakingLedger } from './ledger.ts';
import { delegate, deposit, requestExit, topUp, undelegate, unjail, type StakingCall } from './operations.ts';
import { StakeRefusal } from './refusal.ts';
import { OutOfGas } from './storage.ts';
import { VIEWS } from './views.ts';
import { withdraw } from './withdrawal.ts';

/** Gives the function's return values; none: nothing is returned. */
type Operation = (call: StakingCall) => readonly AbiValue[] | void;

const OPERATIONS: { readonly [name: string]: Operation | undefined } = {
  ...VIEWS,
  deposit,
  topUp,
  delegate,
  undelegate,
  requestExit,
  withdraw,
  unjail,
};

const NOTHING = new Uint8Array(0);
const SELECTOR_SIZE_BYTES = 4;
const DISPATCH_GAS = 100;
const INPUT_WORD_GAS = 3;
const LOG_GAS = 375;
const LOG_TOPIC_GAS = 375;
const LOG_BYTE_GAS = 8;

/** The staking contract as bytecode and transactions see it. Gas is what storage, logs and payments would cost bytecode. */
export class StakingContract implements SystemContract {
  readonly #chainId: number;
  readonly #rules: StakingRules;

  constructor(chainId: number, rules: StakingRules) {
    this.#chainId = chainId;
    this.#rules = rules;
  }

  call(call: SystemCall): SystemCallResult {
    const ledger = new StakingLedger(call.state, this.#rules, call.gasLimit);
    const logs: Log[] = [];
    try {
      ledger.storage.charge(DISPATCH_GAS + Math.ceil(call.input.length / 32) * INPUT_WORD_GAS);
      const output = this.#run(call, ledger, logs);
      return { status: 'success', output, gasUsed: ledger.storage.gasUsed, logs };
    } catch (error) {
      if (error instanceof OutOfGas) {
        return { status: 'reverted', output: NOTHING, gasUsed: call.gasLimit + 1, logs: [] };
      }
      if (!(error instanceof StakeRefusal)) throw error;
      return {
        status: 'reverted',
        output: encodeRevertReason(error.message),
        gasUsed: ledger.storage.gasUsed,
        logs: [],
      };
    }
  }

  #run({ input, caller, value, isStatic }: SystemCall, ledger: StakingLedger, logs: Log[]): Bytes {
    const item = FUNCTIONS_BY_SELECTOR.get(toHex(input.subarray(0, SELECTOR_SIZE_BYTES)));
    const operation = item === undefined ? undefined : OPERATIONS[item.name];
    if (item === undefined || operation === undefined) {
      throw new StakeRefusal('FUNCTION_UNKNOWN', 'call a function of the staking contract; coins alone say too little');
    }
    if (value > 0n && item.stateMutability !== 'payable') {
      throw new StakeRefusal('NOT_PAYABLE', `${item.name} takes no coins`);
    }
    if (isStatic && item.stateMutability !== 'view') {
      throw new StakeRefusal('CALL_STATIC', `${item.name} changes something; a static call may not`);
    }
    const emit = (event: string, values: readonly AbiValue[]): void => {
      const log = encodeLog(event, values);
      ledger.storage.charge(LOG_GAS + LOG_TOPIC_GAS * log.topics.length + LOG_BYTE_GAS * (log.data.length / 2 - 1));
      logs.push(log);
    };
    const args = argumentsOf(item, input.subarray(SELECTOR_SIZE_BYTES));
    const returned = operation({ ledger, chainId: this.#chainId, caller, value, args, emit });
    return encodeAbi(item.outputs, returned ?? []);
  }
}

/** For ExecutionEnv.systemContracts: the staking contract where the engine's validators stake, and none where they do not. */
export function stakingContracts(config: Pick<ChainConfig, 'chainId'>, rules: ConsensusRules): SystemContracts {
  if (rules.staking === undefined) return new Map();
  return new Map([[STAKING_ADDRESS, new StakingContract(config.chainId, rules.staking.rules)]]);
}

function argumentsOf({ name, inputs }: AbiFunction, bytes: Bytes): readonly AbiValue[] {
  try {
    return decodeAbi(inputs, bytes);
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
    throw new StakeRefusal('ARGUMENTS_MALFORMED', `${name}: ${error.message}`);
  }
}

/** Parameters that are indexed are addresses all. */
function encodeLog(event: string, values: readonly AbiValue[]): Log {
  const known = EVENTS_BY_NAME.get(event);
  assert(known !== undefined, `no event ${event}`);
  const { item, topic } = known;
  const topics: Hash[] = [topic];
  const [types, data]: [AbiFunction['inputs'][number][], AbiValue[]] = [[], []];
  for (const [index, input] of item.inputs.entries()) {
    const value = values[index] ?? 0n;
    if (input.indexed === true) topics.push(toHex(encodeAbi([input], [value])));
    else {
      types.push(input);
      data.push(value);
    }
  }
  return { address: STAKING_ADDRESS, topics, data: toHex(encodeAbi(types, data)) };
}

/** Of a call's data. Exported for wallets and the command line; throws CodecError for arguments that do not fit. */
export function stakingCallData(name: string, args: readonly AbiValue[]): Bytes {
  const [selector, item] = [...FUNCTIONS_BY_SELECTOR].find(([, { name: other }]) => other === name) ?? [];
  if (selector === undefined || item === undefined) throw new CodecError('ABI_SIGNATURE', `no function ${name}`);
  return new Uint8Array(Buffer.concat([fromHex(selector), encodeAbi(item.inputs, args)]));
}
