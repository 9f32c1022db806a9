/**
 * Gas and fees: EIP-1559 (base fee), EIP-2028 and EIP-2930 (intrinsic gas), EIP-3860 (init code), EIP-7623 (calldata floor), as of
 * the Prague fork.
 */
import type { Header } from '../types/block.ts';
import type { Bytes } from '../types/primitives.ts';
import type { TransactionFields } from '../types/transaction.ts';

/** Blocks aim at gasLimit / this. */
export const BASE_FEE_ELASTICITY = 2;
/** The base fee moves by at most 1 / this from block to block. */
export const BASE_FEE_CHANGE_DENOMINATOR = 8n;
export const BASE_FEE_INITIAL_DEFAULT = 1_000_000_000n;

export const TRANSFER_GAS = 21_000;
const ZERO_BYTE_GAS = 4;
const NONZERO_BYTE_GAS = 16;
const ACCESS_LIST_ADDRESS_GAS = 2_400;
const ACCESS_LIST_SLOT_GAS = 1_900;
const CREATION_GAS = 32_000;
const INIT_CODE_WORD_GAS = 2;
const FLOOR_TOKEN_GAS = 10;
/** EIP-7623: a zero byte is one token, any other is four. */
const TOKENS_PER_NONZERO_BYTE = 4;
/** EIP-3529: at most 1 / this of the gas used comes back. */
export const REFUND_QUOTIENT = 5n;

/** Base fee of the block that follows `parent` (EIP-1559). In wei. */
export function nextBaseFee(parent: Pick<Header, 'gasLimit' | 'gasUsed' | 'baseFeePerGas'>): bigint {
  const target = Math.floor(parent.gasLimit / BASE_FEE_ELASTICITY);
  const { gasUsed, baseFeePerGas } = parent;
  if (target === 0 || gasUsed === target) return baseFeePerGas;
  const distance = BigInt(Math.abs(gasUsed - target));
  const change = (baseFeePerGas * distance) / BigInt(target) / BASE_FEE_CHANGE_DENOMINATOR;
  if (gasUsed > target) return baseFeePerGas + (change > 1n ? change : 1n);
  return baseFeePerGas - change;
}

/** What one unit of gas costs the sender, in wei. The caller has checked that maxFeePerGas covers the base fee. */
export function effectiveGasPrice(
  fees: Pick<TransactionFields, 'maxFeePerGas' | 'maxPriorityFeePerGas'>,
  baseFeePerGas: bigint,
): bigint {
  const wanted = baseFeePerGas + fees.maxPriorityFeePerGas;
  return wanted < fees.maxFeePerGas ? wanted : fees.maxFeePerGas;
}

/** Gas that is charged before anything runs. */
export function intrinsicGas(fields: Pick<TransactionFields, 'to' | 'data' | 'accessList'>): number {
  const { data, accessList } = fields;
  let gas = TRANSFER_GAS;
  if (data.length > 0) {
    const zeros = countZeros(data);
    gas += zeros * ZERO_BYTE_GAS + (data.length - zeros) * NONZERO_BYTE_GAS;
  }
  for (const entry of accessList) gas += ACCESS_LIST_ADDRESS_GAS + entry.storageKeys.length * ACCESS_LIST_SLOT_GAS;
  if (fields.to === null) gas += CREATION_GAS + Math.ceil(data.length / 32) * INIT_CODE_WORD_GAS;
  return gas;
}

/** EIP-7623: the least a transaction with this calldata uses, refunds included. */
export function calldataFloorGas(data: Bytes): number {
  if (data.length === 0) return TRANSFER_GAS;
  const zeros = countZeros(data);
  return TRANSFER_GAS + FLOOR_TOKEN_GAS * (zeros + (data.length - zeros) * TOKENS_PER_NONZERO_BYTE);
}

/** The smallest gas limit with which such a transaction is valid: the intrinsic gas or the calldata floor, whichever is more. */
export function minimumGasLimit(fields: Pick<TransactionFields, 'to' | 'data' | 'accessList'>): number {
  return Math.max(intrinsicGas(fields), calldataFloorGas(fields.data));
}

function countZeros(data: Bytes): number {
  let zeros = 0;
  for (let i = 0; i < data.length; i++) if (data[i] === 0) zeros++;
  return zeros;
}
