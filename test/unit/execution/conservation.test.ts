import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildBlock } from '../../../src/execution/build-block.ts';
import { executeBlock } from '../../../src/execution/execute-block.ts';
import { decodeAccount } from '../../../src/codec/account.ts';
import { recoverTransaction } from '../../../src/codec/transaction.ts';
import type { StateLayer } from '../../../src/state/layer.ts';
import type { Transaction } from '../../../src/types/transaction.ts';
import { Traffic } from './traffic.ts';
import {
  BENEFICIARY,
  ETHER,
  GWEI,
  idleRules,
  key,
  KEYS,
  NO_BYTES,
  signed,
  sourceOf,
  testEnv,
  testGenesis,
  testInput,
} from './support.ts';

const env = testEnv({ rules: { ...idleRules, blockReward: () => 2n * ETHER } });

/** Over every account in the state trie. */
function supplyOf(state: StateLayer): bigint {
  const trie = state.accountTrie();
  let sum = 0n;
  for (const key of trie.keys()) sum += decodeAccount(trie.get(key) ?? NO_BYTES).balance;
  return sum;
}

/** Some of them can never be in a block. */
function withInvalid(transactions: readonly Transaction[], seed: number): Transaction[] {
  const rubbish = [
    signed(key(seed % 12), { nonce: 999 }),
    signed(key(1), { value: 10n ** 40n }),
    signed(key(2), { maxFeePerGas: 1n, maxPriorityFeePerGas: 0n }),
    signed(key(3), { chainId: 5 }),
  ];
  const mixed = [...transactions];
  for (const [index, tx] of rubbish.entries()) mixed.splice((seed * (index + 3)) % (mixed.length + 1), 0, tx);
  return mixed;
}

describe('coins', () => {
  it('are conserved by built blocks, and importing such a block gives the very same', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 1_000_000 }), async (seed) => {
        const traffic = new Traffic(seed);
        let parent = testGenesis();
        const rounds = [traffic.deployments(), withInvalid(traffic.next(25), seed), traffic.next(25)];
        for (const transactions of rounds) {
          const request = {
            timeMs: parent.header.timeMs + 1000,
            beneficiary: BENEFICIARY,
            author: key(0).address,
            extra: NO_BYTES,
            votes: [],
            evidence: [],
            isLate: () => false,
            sizeBytesMax: 1_000_000,
          };
          const { header, body, executed } = await buildBlock(env, parent, request, sourceOf(transactions));
          const before = supplyOf(parent.state);
          const after = supplyOf(executed.state);
          expect(after + executed.feesBurned + executed.destroyed).toBe(before + executed.issued);
          const input = testInput(parent, {
            timeMs: header.timeMs,
            transactions: body.transactions.map(recoverTransaction),
          });
          const imported = await executeBlock(env, parent, input);
          expect({
            stateRoot: imported.state.root,
            transactionsRoot: imported.transactionsRoot,
            receiptsRoot: imported.receiptsRoot,
            logsBloom: imported.logsBloom,
            gasUsed: imported.gasUsed,
          }).toEqual({
            stateRoot: header.stateRoot,
            transactionsRoot: header.transactionsRoot,
            receiptsRoot: header.receiptsRoot,
            logsBloom: header.logsBloom,
            gasUsed: header.gasUsed,
          });
          expect(imported.receipts).toEqual(executed.receipts);
          parent = {
            header: { ...header, seal: NO_BYTES },
            hash: header.stateRoot,
            state: executed.state,
            consensus: executed.consensus,
          };
        }
      }),
      { numRuns: 12 },
    );
  });

  it('that vanish with a contract made and destroyed at once are named', async () => {
    const traffic = new Traffic(1);
    const parent = testGenesis();
    const transactions = [...traffic.deployments(), ...traffic.mayflies(3n * GWEI, GWEI)];
    const input = testInput(parent, { transactions });
    const executed = await executeBlock(env, parent, input);
    expect(executed.receipts.map(({ status }) => status)).toEqual([1, 1, 1, 1]);
    // To itself: all of it. To another: only what came afterwards.
    expect(executed.destroyed).toBe(3n * GWEI + GWEI);
    expect(supplyOf(executed.state) + executed.feesBurned + executed.destroyed).toBe(
      BigInt(KEYS.length) * 10_000n * ETHER + executed.issued,
    );
  });
});
