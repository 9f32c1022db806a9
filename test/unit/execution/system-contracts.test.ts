import { describe, expect, it } from 'vitest';
import { recoverAddressFromBytes, signDigest } from '../../../src/crypto/secp256k1.ts';
import { creationAddress } from '../../../src/execution/apply-transaction.ts';
import { CONSENSUS_ADDRESS } from '../../../src/execution/rules.ts';
import {
  isNativeAddress,
  isReservedAddress,
  reservedAddresses,
  type SystemContract,
} from '../../../src/execution/system-contracts.ts';
import { simulate } from '../../../src/execution/call.ts';
import type { Address } from '../../../src/types/primitives.ts';
import { fromHex, toHex } from '../../../src/util/hex.ts';
import { advance, balanceOf, deployer, ETHER, key, NO_BYTES, signed, testEnv, testGenesis, word } from './support.ts';

const TALLY: Address = `0x${'0'.repeat(36)}1010`;

/** Counts callers in its storage and logs them; reverts on input 0xff. */
const tally: SystemContract = {
  call({ address, caller, input, isStatic, state }) {
    if (input[0] === 0xff || isStatic) return { status: 'reverted', output: Uint8Array.of(1), gasUsed: 100, logs: [] };
    const count = BigInt(state.storage(address, word(0))) + 1n;
    state.setStorage(address, word(0), word(count));
    const logs = [{ address, topics: [word(BigInt(caller))], data: '0x' as const }];
    return { status: 'success', output: fromHex(word(count)), gasUsed: 500, logs };
  },
};
const env = testEnv({ systemContracts: new Map([[TALLY, tally]]) });

describe('reserved addresses', () => {
  it('are 256, and the consensus account is one', () => {
    expect(reservedAddresses()).toHaveLength(256);
    expect(reservedAddresses().every((address) => /^0x0{36}10[0-9a-f]{2}$/.test(address))).toBe(true);
    expect(isReservedAddress(CONSENSUS_ADDRESS)).toBe(true);
    expect(isReservedAddress(`0x${'0'.repeat(36)}1100`)).toBe(false);
  });

  it('and the precompiles are native', () => {
    expect(isNativeAddress(`0x${'0'.repeat(38)}01`)).toBe(true);
    expect(isNativeAddress(`0x${'0'.repeat(40)}`)).toBe(false);
    expect(isNativeAddress(key(0).address)).toBe(false);
  });
});

describe('a system contract', () => {
  it('is called by transactions', async () => {
    const call = { to: TALLY, gasLimit: 50_000, value: 3n };
    const { executed } = await advance(env, testGenesis(), {
      transactions: [signed(key(0), call), signed(key(1), call)],
    });
    expect(executed.receipts.map(({ status, gasUsed }) => [status, gasUsed])).toEqual([
      [1, 21_500],
      [1, 21_500],
    ]);
    expect(executed.receipts[1]?.logs).toEqual([
      { address: TALLY, topics: [word(BigInt(key(1).address))], data: '0x' },
    ]);
    expect(executed.state.storage(TALLY, word(0))).toBe(word(2));
    expect(balanceOf(executed.state, TALLY)).toBe(6n);
  });

  it('leaves nothing behind when it reverts', async () => {
    const tx = signed(key(0), { to: TALLY, gasLimit: 50_000, value: 3n, data: Uint8Array.of(0xff) });
    const { executed } = await advance(env, testGenesis(), { transactions: [tx] });
    expect(executed.receipts[0]).toMatchObject({ status: 0, gasUsed: 21_116, logs: [] });
    expect(balanceOf(executed.state, TALLY)).toBe(0n);
  });

  it('is undone with the frame that called it', async () => {
    // CALL(gas, TALLY, 0, 0, 0, 0, 0), then REVERT(0, 0).
    const code = `5f5f5f5f5f6110105af15f5ffd`;
    const caller = creationAddress(key(0).address, 0);
    const { executed } = await advance(env, testGenesis(), {
      transactions: [
        signed(key(0), { to: null, data: deployer(code), gasLimit: 200_000 }),
        signed(key(0), { to: caller, nonce: 1, gasLimit: 200_000 }),
      ],
    });
    expect(executed.receipts.map(({ status }) => status)).toEqual([1, 0]);
    expect(executed.state.storage(TALLY, word(0))).toBe(word(0));
  });

  it('is not run on another account by DELEGATECALL', async () => {
    // DELEGATECALL(gas, TALLY, 0, 0, 0, 0), result into slot 1 plus 5.
    const code = `5f5f5f5f6110105af4600501600155`;
    const caller = creationAddress(key(0).address, 0);
    const { executed } = await advance(env, testGenesis(), {
      transactions: [
        signed(key(0), { to: null, data: deployer(code), gasLimit: 200_000 }),
        signed(key(0), { to: caller, nonce: 1, gasLimit: 200_000 }),
      ],
    });
    expect(executed.receipts.map(({ status }) => status)).toEqual([1, 1]);
    expect(executed.state.storage(caller, word(1))).toBe(word(5));
    expect(executed.state.storage(caller, word(0))).toBe(word(0));
  });

  it('that breaks down makes the transaction invalid and leaves the state as it was', async () => {
    const broken: SystemContract = {
      call({ address, state }) {
        state.setStorage(address, word(0), word(1));
        throw new TypeError('a bug');
      },
    };
    const breaking = testEnv({ systemContracts: new Map([[TALLY, broken]]) });
    const transactions = [signed(key(0), { to: TALLY, gasLimit: 50_000, value: ETHER })];
    await expect(advance(breaking, testGenesis(), { transactions })).rejects.toMatchObject({
      code: 'BLOCK_TX_EXECUTION',
    });
  });
});

describe('precompiles of our own', () => {
  const ECRECOVER: Address = `0x${'0'.repeat(38)}01`;
  const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  const digest = word(12345);
  const signature = signDigest(digest, key(4).privateKey);
  const [r, s] = [signature.subarray(0, 32), signature.subarray(32, 64)];
  const parity = signature[64] ?? 0;

  async function recover(v: number, sWord: Uint8Array): Promise<string> {
    const data = Buffer.concat([fromHex(digest), fromHex(word(v)), r, sWord]);
    return toHex((await simulate(env, testGenesis(), { to: ECRECOVER, data })).output);
  }

  it('recover from low and from high s', async () => {
    const expected = word(BigInt(key(4).address));
    const highS = fromHex(word(ORDER - BigInt(toHex(s))));
    expect(recoverAddressFromBytes(fromHex(digest), Buffer.concat([r, highS]), 1 - parity)).toBeNull();
    expect(await recover(27 + parity, s)).toBe(expected);
    expect(await recover(28 - parity, highS)).toBe(expected);
    expect(await recover(27 + parity, highS)).not.toBe(expected);
  });

  it('give nothing for what is no signature', async () => {
    expect(await recover(29, s)).toBe('0x');
    expect(await recover(27, fromHex(word(ORDER)))).toBe('0x');
    expect(await recover(27, fromHex(word(0)))).toBe('0x');
  });

  it('refuse point evaluation with all its gas', async () => {
    const to: Address = `0x${'0'.repeat(38)}0a`;
    expect(await simulate(env, testGenesis(), { to, data: NO_BYTES, gasLimit: 90_000 })).toMatchObject({
      status: 'failed',
      gasUsed: 90_000,
    });
  });
});
