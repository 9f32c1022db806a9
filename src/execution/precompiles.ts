import type { Address } from '../types/primitives.ts';

/**
 * Ethereum's precompiles that are there, by the names of EIP-7910: all of Prague's but KZG_POINT_EVALUATION, which serves blobs and
 * fails here whatever it is asked.
 */
export const PRECOMPILES: ReadonlyMap<string, Address> = new Map(
  Object.entries({
    ECREC: 0x01,
    SHA256: 0x02,
    RIPEMD160: 0x03,
    ID: 0x04,
    MODEXP: 0x05,
    BN254_ADD: 0x06,
    BN254_MUL: 0x07,
    BN254_PAIRING: 0x08,
    BLAKE2F: 0x09,
    BLS12_G1ADD: 0x0b,
    BLS12_G1MSM: 0x0c,
    BLS12_G2ADD: 0x0d,
    BLS12_G2MSM: 0x0e,
    BLS12_PAIRING_CHECK: 0x0f,
    BLS12_MAP_FP_TO_G1: 0x10,
    BLS12_MAP_FP2_TO_G2: 0x11,
  }).map(([name, number]) => [name, `0x${number.toString(16).padStart(40, '0')}`]),
);

const ADDRESSES: ReadonlySet<Address> = new Set(PRECOMPILES.values());

export function isPrecompile(address: Address): boolean {
  return ADDRESSES.has(address);
}
