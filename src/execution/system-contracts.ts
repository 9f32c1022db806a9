/**
 * System contracts: native code behind an ordinary ABI at a reserved address.
 *
 * Reserved are 0x…1000 to 0x…10ff, above Ethereum's precompiles. An address of the range answers calls only where a handler is
 * registered. A call to any other, CONSENSUS_ADDRESS among them, reverts: the value stays with the caller and the gas limit's rest is
 * returned, so a mistaken transfer costs its gas and no more. A block may not name a reserved beneficiary, nor genesis fund one
 * without a handler. One way in is left: SELFDESTRUCT pays any address without a call. Such coins stay in that account's balance, in
 * plain sight, for ever.
 */
import type { StateOverlay } from '../state/overlay.ts';
import { ZERO_ADDRESS, type Address, type Bytes, type Hex } from '../types/primitives.ts';
import type { Log } from '../types/receipt.ts';
import type { BlockContext } from './rules.ts';

export type SystemCall = {
  readonly address: Address;
  readonly caller: Address;
  /** Already credited to `address`; taken back if the call reverts. */
  readonly value: bigint;
  readonly input: Bytes;
  /** Under STATICCALL: nothing may change. */
  readonly isStatic: boolean;
  /** What the frame has. Work beyond it is done for nothing, so a contract stops as soon as it used more. */
  readonly gasLimit: number;
  readonly block: BlockContext;
  /** What is written here is undone with the frame that called. Coins may move between accounts; none may appear or vanish. */
  readonly state: StateOverlay;
};

export type SystemCallResult = {
  readonly status: 'success' | 'reverted';
  readonly output: Bytes;
  /** On top of what the call itself costs. More than the caller gave means out of gas. */
  readonly gasUsed: number;
  readonly logs: readonly Log[];
};

export type SystemContract = {
  /** Deterministic. Must not throw for anything a caller can send. */
  call(call: SystemCall): SystemCallResult;
};

export type SystemContracts = ReadonlyMap<Address, SystemContract>;

export const NO_SYSTEM_CONTRACTS: SystemContracts = new Map();

const ONE_BYTE_PREFIX: Hex = `0x${'0'.repeat(38)}`;
/** Common prefix of the 256 reserved addresses. */
const RESERVED_PREFIX: Hex = `0x${'0'.repeat(36)}10`;

export function isReservedAddress(address: Address): boolean {
  return address.startsWith(RESERVED_PREFIX);
}

export function reservedAddresses(): readonly Address[] {
  return Array.from({ length: 256 }, (_, i): Address => `${RESERVED_PREFIX}${i.toString(16).padStart(2, '0')}`);
}

/** Whether a call there may run native code: Ethereum's precompiles (one byte) and the reserved range. */
export function isNativeAddress(address: Address): boolean {
  return isReservedAddress(address) || (address.startsWith(ONE_BYTE_PREFIX) && address !== ZERO_ADDRESS);
}
