import { readFileSync } from 'node:fs';
import { encodeFunctionData, parseAbi, toEventSelector, toFunctionSelector } from 'viem';
import { describe, expect, it } from 'vitest';
import { eventTopic, functionSelector } from '../../../../src/codec/abi-signature.ts';
import { STAKING_ABI, STAKING_ABI_TEXT } from '../../../../src/execution/staking/abi.ts';
import { stakingCallData } from '../../../../src/execution/staking/contract.ts';
import { toHex } from '../../../../src/util/hex.ts';
import { VIEM_ABI } from './desk.ts';
import { key } from '../support.ts';

/** viem leaves out what is not indexed. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (name, item: unknown) => (name === 'indexed' && item === false ? undefined : item)),
  );
}

describe('the published ABI of the staking contract', () => {
  it('is the same as JSON', () => {
    const published: unknown = JSON.parse(
      readFileSync(new URL('../../../../docs/abi/staking.json', import.meta.url), 'utf8'),
    );
    expect(published).toEqual(STAKING_ABI);
    expect(plain(published)).toEqual(plain(parseAbi(STAKING_ABI_TEXT)));
  });

  it('has the selectors and topics that wallets compute', () => {
    for (const [index, item] of STAKING_ABI.entries()) {
      const text = STAKING_ABI_TEXT[index] ?? '';
      if (item.type === 'function') expect(functionSelector(item)).toBe(toFunctionSelector(text));
      else expect(eventTopic(item)).toBe(toEventSelector(text));
    }
  });

  it('makes call data as wallets do', () => {
    const args = [key(0).address, '0x0102', 5] as const;
    expect(toHex(stakingCallData('deposit', [args[0], Uint8Array.of(1, 2), 5n]))).toBe(
      encodeFunctionData({ abi: VIEM_ABI, functionName: 'deposit', args }),
    );
    expect(() => stakingCallData('destroy', [])).toThrow('no function destroy');
  });
});
