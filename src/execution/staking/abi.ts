/** What wallets and contracts may call at STAKING_ADDRESS, and what its logs mean. docs/abi/staking.json is the same as JSON. */
import {
  eventTopic,
  functionSelector,
  parseAbiItem,
  type AbiEvent,
  type AbiFunction,
} from '../../codec/abi-signature.ts';
import type { Hash, Hex } from '../../types/primitives.ts';

const VALIDATOR_INFO = [
  'address owner',
  'uint256 own',
  'uint256 delegated',
  'uint8 status',
  'bool jailed',
  'uint16 commissionBps',
  'uint64 activationEpoch',
  'uint64 exitEpoch',
  'uint64 withdrawableEpoch',
  'uint64 jailedUntilEpoch',
  'uint256 rewards',
  'uint256 penalties',
].join(', ');

const PARAMETERS = [
  'uint256 stakeMin',
  'uint256 ejectionStake',
  'uint256 delegationMin',
  'uint256 doubleSignPenalty',
  'uint256 surroundPenalty',
  'uint64 correlationMultiplier',
  'uint64 reporterQuotient',
  'uint64 unbondingEpochs',
  'uint64 jailEpochs',
  'uint64 churnMin',
  'uint64 churnQuotient',
].join(', ');

/** Amounts are in wei; an epoch that has not come about is 2^64-1; `status` is 1 pending, 2 active, 3 exiting, 4 exited. */
export const STAKING_ABI_TEXT = [
  'function deposit(address validator, bytes proof, uint16 commissionBps) payable',
  'function topUp(address validator) payable',
  'function delegate(address validator) payable',
  'function undelegate(address validator, uint256 amount)',
  'function requestExit(address validator)',
  'function withdraw(address validator) returns (uint256 amount)',
  'function unjail(address validator)',
  'function validatorCount() view returns (uint256 count)',
  'function validatorAt(uint256 index) view returns (address validator)',
  `function validatorInfo(address validator) view returns ((${VALIDATOR_INFO}) info)`,
  'function delegation(address validator, address delegator) view returns (uint256 amount)',
  'function unbonding(address validator, address who) view returns (uint256 amount, uint256 withdrawableEpoch)',
  'function withdrawable(address validator, address who) view returns (uint256 amount)',
  'function owed(address validator, address who) view returns (uint256 amount)',
  'function epoch() view returns (uint256 number)',
  `function parameters() view returns ((${PARAMETERS}) rules)`,
  'event Deposited(address indexed validator, address indexed owner, uint256 amount, uint16 commissionBps)',
  'event ToppedUp(address indexed validator, address indexed from, uint256 amount)',
  'event Delegated(address indexed validator, address indexed delegator, uint256 amount)',
  'event Undelegated(address indexed validator, address indexed delegator, uint256 amount, uint256 withdrawableEpoch)',
  'event ExitRequested(address indexed validator)',
  'event Withdrawn(address indexed validator, address indexed to, uint256 amount)',
  'event Unjailed(address indexed validator)',
] as const;

/** As JSON ABI. */
export const STAKING_ABI: readonly (AbiFunction | AbiEvent)[] = STAKING_ABI_TEXT.map(parseAbiItem);

export const FUNCTIONS_BY_SELECTOR: ReadonlyMap<Hex, AbiFunction> = new Map(
  STAKING_ABI.filter((item) => item.type === 'function').map((item) => [functionSelector(item), item]),
);

export const EVENTS_BY_NAME: ReadonlyMap<string, { readonly item: AbiEvent; readonly topic: Hash }> = new Map(
  STAKING_ABI.filter((item) => item.type === 'event').map((item) => [item.name, { item, topic: eventTopic(item) }]),
);
