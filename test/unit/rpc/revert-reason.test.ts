import { AbiCoder } from 'ethers';
import { describe, expect, it } from 'vitest';
import { revertReason } from '../../../src/codec/revert-reason.ts';
import type { Hex } from '../../../src/types/primitives.ts';
import { fromHex } from '../../../src/util/hex.ts';

const abi = AbiCoder.defaultAbiCoder();
const encode = (selector: string, type: string, value: unknown): Uint8Array =>
  fromHex(`${selector}${abi.encode([type], [value]).slice(2)}` as Hex);

describe('revertReason', () => {
  it.each(['no money', '', 'ärger', 'x'.repeat(100)])('reads Error(%j)', (text) => {
    expect(revertReason(encode('0x08c379a0', 'string', text))).toBe(text);
  });

  it('cuts what is too long to show', () => {
    expect(revertReason(encode('0x08c379a0', 'string', 'x'.repeat(5000)))).toHaveLength(1024);
  });

  it.each([
    [0x11, 'panic 0x11 (arithmetic underflow or overflow)'],
    [0x32, 'panic 0x32 (array index out of bounds)'],
    [0x99, 'panic 0x99 (unknown code)'],
  ])('reads Panic(%i)', (code, text) => {
    expect(revertReason(encode('0x4e487b71', 'uint256', code))).toBe(text);
  });

  it('gives up on anything else', () => {
    const good = encode('0x08c379a0', 'string', 'no money');
    for (let length = 0; length < good.length - 24; length++) expect(revertReason(good.subarray(0, length))).toBeNull();
    expect(revertReason(encode('0x08c379a0', 'uint256', 2n ** 255n))).toBeNull();
    expect(revertReason(encode('0x4e487b71', 'uint256', 2n ** 255n))).toBeNull();
    expect(revertReason(encode('0x12345678', 'string', 'custom'))).toBeNull();
  });
});
