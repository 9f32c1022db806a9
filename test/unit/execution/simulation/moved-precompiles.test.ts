import { createCustomCommon, Hardfork, Mainnet } from '@ethereumjs/common';
import { createEVM } from '@ethereumjs/evm';
import { describe, expect, it } from 'vitest';
import { signDigest } from '../../../../src/crypto/secp256k1.ts';
import { keccak256 } from '../../../../src/crypto/keccak.ts';
import { minimumGasLimit } from '../../../../src/execution/fees.ts';
import { PRECOMPILES } from '../../../../src/execution/precompiles.ts';
import { STAKING_ADDRESS } from '../../../../src/execution/rules.ts';
import type { Address, Bytes } from '../../../../src/types/primitives.ts';
import { fromHex, toHex } from '../../../../src/util/hex.ts';
import { key, word } from '../support.ts';
import { B, results, returning, simulated, type BlockSpec } from './support.ts';

const ECREC: Address = `0x${'1'.padStart(40, '0')}`;
const SHA256: Address = `0x${'2'.padStart(40, '0')}`;
const ID: Address = `0x${'4'.padStart(40, '0')}`;
const THERE: Address = `0x${'123456'.padStart(40, '0')}`;

/** Of a digest by the first key. */
function recovery(): Bytes {
  const digest = keccak256(Buffer.from('digest'));
  const signature = toHex(signDigest(digest, key(0).privateKey)).slice(2);
  const v = word(27 + Number.parseInt(signature.slice(128), 16)).slice(2);
  return fromHex(`${digest}${v}${signature.slice(0, 128)}`);
}

const outputs = async (blocks: readonly BlockSpec[]): Promise<readonly string[]> =>
  (await results(blocks)).map(({ output }) => toHex(output));
const signer = `0x${key(0).address.slice(2).padStart(64, '0')}`;

describe('a precompile', () => {
  const data = recovery();
  const there = { to: THERE, data };
  const here = { to: ECREC, data };

  it('is found where it was moved to, in that block, and not where it was', async () => {
    const accounts = [[ECREC, { movePrecompileTo: THERE }]] as const;
    const moved = await outputs([
      { calls: [here, there] },
      { accounts, calls: [there, here] },
      { calls: [here, there] },
    ]);
    expect(moved).toEqual([signer, '0x', signer, '0x', signer, '0x']);
  });

  it('costs there what it cost here, and nothing is charged here', async () => {
    const calls = [{ to: ECREC, data }];
    const [before] = await results([{ calls }]);
    const accounts = [[ECREC, { movePrecompileTo: THERE }]] as const;
    const [after, gone] = await results([{ accounts, calls: [{ to: THERE, data }, ...calls] }]);
    expect(after?.gasUsed).toBe(before?.gasUsed);
    expect(gone).toMatchObject({ status: 'success', gasUsed: minimumGasLimit({ ...here, accessList: [] }) });
  });

  it('makes room for code, which may call it', async () => {
    // Hands its input on to THERE, and the answer back.
    const code = fromHex('0x366000600037602060003660006000621234565af15060206000f3');
    const accounts = [[ECREC, { movePrecompileTo: THERE, code }]] as const;
    expect(await outputs([{ accounts, calls: [here] }])).toEqual([signer]);
  });

  it('gives way to code at its address; other overrides leave it', async () => {
    const code = returning('0x602a');
    const to = { to: ID, data: fromHex('0x1234') };
    expect(await outputs([{ accounts: [[ID, { code }]], calls: [to] }])).toEqual([word(42)]);
    expect(await outputs([{ accounts: [[ID, { balance: 5n }]], calls: [to] }])).toEqual(['0x1234']);
    expect(await outputs([{ accounts: [[STAKING_ADDRESS, { code }]], calls: [{ to: STAKING_ADDRESS }] }])).toEqual([
      word(42),
    ]);
  });

  it.each<[string, BlockSpec]>([
    ['SIMULATION_MOVE_TO_ITSELF', { accounts: [[ECREC, { movePrecompileTo: ECREC }]] }],
    ['SIMULATION_MOVE', { accounts: [[B, { movePrecompileTo: THERE }]] }],
    ['SIMULATION_MOVE', { accounts: [[STAKING_ADDRESS, { movePrecompileTo: THERE }]] }],
    [
      'SIMULATION_MOVE',
      {
        accounts: [
          [ECREC, { movePrecompileTo: B }],
          [B, { balance: 1n }],
        ],
      },
    ],
    [
      'SIMULATION_MOVE_TWICE',
      {
        accounts: [
          [ECREC, { movePrecompileTo: THERE }],
          [SHA256, { movePrecompileTo: THERE }],
        ],
      },
    ],
  ])('cannot be moved: %s', async (code, block) => {
    await expect(simulated([block])).rejects.toMatchObject({ code });
  });
});

it('the names of precompiles are those of all that the library has, but point evaluation', async () => {
  const common = createCustomCommon({ chainId: 1 }, Mainnet, { hardfork: Hardfork.Prague });
  const { precompiles } = await createEVM({ common });
  const known = [...precompiles.keys()].map((address) => `0x${address}`).filter((address) => !address.endsWith('0a'));
  expect([...PRECOMPILES.values()].sort()).toEqual(known.sort());
});
