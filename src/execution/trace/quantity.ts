import type { Hex } from '../../types/primitives.ts';

/** A quantity of JSON-RPC. */
export function toQuantity(value: bigint | number): Hex {
  return `0x${value.toString(16)}`;
}
