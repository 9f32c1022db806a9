import type { Address } from '../../types/primitives.ts';
import { isNativeAddress, isReservedAddress } from '../system-contracts.ts';

/** Ethereum's; native contracts of ours are called like any contract. */
export function isPrecompile(address: Address): boolean {
  return isNativeAddress(address) && !isReservedAddress(address);
}
