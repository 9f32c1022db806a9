import { expect, it } from 'vitest';
import { STAKING_ADDRESS } from '../../../src/execution/rules.ts';
import type { SystemContract } from '../../../src/execution/system-contracts.ts';
import { chainRules } from '../../../src/node/chain-rules.ts';

/** EIP-2124's own example: mainnet's genesis before its first fork. */
const MAINNET = '0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3';

it('has the fork hash of EIP-2124, and the system contracts that there are', () => {
  const contract: SystemContract = {
    call: () => ({ status: 'reverted', output: new Uint8Array(0), gasUsed: 0, logs: [] }),
  };
  const plain = chainRules(MAINNET, undefined);
  expect(plain.forkHash).toBe('0xfc64ec04');
  expect([...plain.systemContracts.keys()]).toEqual(['CONSENSUS_ADDRESS']);
  const staked = chainRules(MAINNET, new Map([[STAKING_ADDRESS, contract]]));
  expect(staked.systemContracts.get('STAKING_ADDRESS')).toBe(STAKING_ADDRESS);
});
