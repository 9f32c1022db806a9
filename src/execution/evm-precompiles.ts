/**
 * What the EVM library is given in place of its own: signature recovery over our backend, and a refusal of
 * point evaluation, which needs a trusted setup and serves blobs that Parley has not.
 */
import { EVMError, type ExecResult, type PrecompileFunc } from '@ethereumjs/evm';
import { recoverAddressFromBytes } from '../crypto/secp256k1.ts';
import type { Address, Bytes } from '../types/primitives.ts';
import { fromHex, toHex } from '../util/hex.ts';

export const ECRECOVER_ADDRESS: Address = `0x${'0'.repeat(38)}01`;
export const POINT_EVALUATION_ADDRESS: Address = `0x${'0'.repeat(38)}0a`;

const ECRECOVER_GAS = 3_000n;
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const NOTHING = new Uint8Array(0);

/**
 * Precompile 0x01 (yellow paper, appendix E): input is digest, v, r, s, each 32 bytes; output the address in 32 bytes, or nothing. Here
 * a high s is allowed: (r, n - s) with the other parity recovers the same key, and that is what our backend accepts.
 */
export const ecrecover: PrecompileFunc = ({ data, gasLimit }) => {
  if (gasLimit < ECRECOVER_GAS) return outOfGas(gasLimit);
  const input = new Uint8Array(128);
  input.set(data.subarray(0, 128));
  return { executionGasUsed: ECRECOVER_GAS, returnValue: recoverWord(input) };
};

/** Takes all the gas it was given, as a precompile does on bad input. */
export const unsupported: PrecompileFunc = ({ gasLimit }) => outOfGas(gasLimit);

export function outOfGas(gasLimit: bigint): ExecResult {
  return failure(EVMError.errorMessages.OUT_OF_GAS, gasLimit, NOTHING);
}

export function reverted(gasUsed: bigint, output: Bytes): ExecResult {
  return failure(EVMError.errorMessages.REVERT, gasUsed, output);
}

function failure(error: EVMError['error'], executionGasUsed: bigint, returnValue: Bytes): ExecResult {
  return { executionGasUsed, returnValue, exceptionError: new EVMError(error) };
}

function recoverWord(input: Bytes): Bytes {
  const v = BigInt(toHex(input.subarray(32, 64)));
  if (v !== 27n && v !== 28n) return NOTHING;
  let yParity = Number(v) - 27;
  const rs = input.slice(64, 128);
  const s = BigInt(toHex(rs.subarray(32)));
  if (s > ORDER / 2n && s < ORDER) {
    rs.set(fromHex(`0x${(ORDER - s).toString(16).padStart(64, '0')}`), 32);
    yParity = 1 - yParity;
  }
  const address = recoverAddressFromBytes(input.subarray(0, 32), rs, yParity);
  if (address === null) return NOTHING;
  const word = new Uint8Array(32);
  word.set(fromHex(address), 12);
  return word;
}
