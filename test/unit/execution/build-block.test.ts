import { describe, expect, it } from 'vitest';
import { consensusRoot, encodeBlock } from '../../../src/codec/block.ts';
import { creationAddress } from '../../../src/execution/apply-transaction.ts';
import { buildBlock, type BuildRequest } from '../../../src/execution/build-block.ts';
import { nextBaseFee } from '../../../src/execution/fees.ts';
import { SEAL_SIZE_BYTES_MAX } from '../../../src/types/block.ts';
import type { Evidence } from '../../../src/types/evidence.ts';
import type { Transaction } from '../../../src/types/transaction.ts';
import { callData, initCode } from './contracts.ts';
import {
  advance,
  BENEFICIARY,
  ETHER,
  idleRules,
  key,
  NO_BYTES,
  nonceOf,
  signed,
  sourceOf,
  testEnv,
  testGenesis,
} from './support.ts';

const parent = testGenesis();

function request(overrides: Partial<BuildRequest> = {}): BuildRequest {
  return {
    timeMs: parent.header.timeMs + 1000,
    beneficiary: BENEFICIARY,
    author: key(0).address,
    extra: Uint8Array.of(1, 2, 3),
    votes: [],
    evidence: [],
    isLate: () => false,
    sizeBytesMax: 100_000,
    ...overrides,
  };
}

describe('buildBlock', () => {
  it('makes a whole header on its parent', async () => {
    const tx = signed(key(0), {});
    const votes = [{ from: key(1).address, payload: Uint8Array.of(9), signature: new Uint8Array(65) }];
    const { header, body, executed, skipped } = await buildBlock(testEnv(), parent, request({ votes }), sourceOf([tx]));
    expect(header).toEqual({
      parentHash: parent.hash,
      beneficiary: BENEFICIARY,
      stateRoot: executed.state.root,
      transactionsRoot: executed.transactionsRoot,
      receiptsRoot: executed.receiptsRoot,
      logsBloom: executed.logsBloom,
      number: 1,
      gasLimit: 30_000_000,
      gasUsed: 21_000,
      timeMs: parent.header.timeMs + 1000,
      baseFeePerGas: nextBaseFee(parent.header),
      consensusRoot: consensusRoot({ evidence: [], votes }),
      extra: Uint8Array.of(1, 2, 3),
    });
    expect(body).toEqual({ transactions: [tx.raw], evidence: [], votes });
    expect(skipped).toEqual([]);
  });

  it('goes on with the sender after a used nonce, and without the sender after anything else', async () => {
    const used = signed(key(0), { nonce: 0, value: 2n });
    const offered = [
      signed(key(0), { nonce: 0, value: 1n }),
      used,
      signed(key(0), { nonce: 1 }),
      signed(key(1), { nonce: 0, value: 10_000n * ETHER }),
      signed(key(1), { nonce: 1 }),
      signed(key(2), { nonce: 3 }),
      signed(key(2), { nonce: 4 }),
      signed(key(3), { nonce: 0 }),
    ];
    const { body, skipped } = await buildBlock(testEnv(), parent, request(), sourceOf(offered));
    expect(body.transactions).toEqual([offered[0], offered[2], offered[7]].map((tx) => tx?.raw));
    expect(skipped).toEqual([
      { hash: used.hash, code: 'BLOCK_TX_NONCE_LOW' },
      { hash: offered[3]?.hash, code: 'BLOCK_TX_FUNDS' },
      { hash: offered[5]?.hash, code: 'BLOCK_TX_NONCE_HIGH' },
    ]);
  });

  it('leaves out what the gas of the block does not cover and takes smaller ones', async () => {
    const large = signed(key(0), { to: null, data: initCode('Child', [1n]), gasLimit: 29_990_000 });
    const { body, skipped } = await buildBlock(
      testEnv(),
      parent,
      request(),
      sourceOf([signed(key(1), {}), large, signed(key(2), {})]),
    );
    expect(body.transactions).toHaveLength(2);
    expect(skipped).toEqual([{ hash: large.hash, code: 'BLOCK_TX_GAS' }]);
  });

  it('stays within the size, whatever the seal', async () => {
    const sizeBytesMax = 3_000;
    const many = Array.from({ length: 12 }, (_, i) =>
      signed(key(i), { data: new Uint8Array(300).fill(1), gasLimit: 60_000 }),
    );
    const { header, body, skipped } = await buildBlock(testEnv(), parent, request({ sizeBytesMax }), sourceOf(many));
    const block = { header: { ...header, seal: new Uint8Array(SEAL_SIZE_BYTES_MAX) }, body };
    expect(encodeBlock(block).length).toBeLessThanOrEqual(sizeBytesMax);
    expect(body.transactions.length).toBeGreaterThan(3);
    expect(new Set(skipped.map(({ code }) => code))).toEqual(new Set(['BLOCK_TX_SIZE']));
  });

  it('stops when it is late', async () => {
    let asked = 0;
    const isLate = (): boolean => ++asked > 2;
    const offered = [signed(key(0), {}), signed(key(1), {}), signed(key(2), {})];
    const { body } = await buildBlock(testEnv(), parent, request({ isLate }), sourceOf(offered));
    expect(body.transactions).toHaveLength(2);
  });

  it('breaks off what runs too long, and says whether it can ever fit', async () => {
    const { after } = await advance(testEnv(), parent, {
      transactions: [signed(key(0), { to: null, data: initCode('Lab'), gasLimit: 3_000_000 })],
    });
    const data = callData('Lab', 'loop', [10n ** 12n]);
    const slow = signed(key(1), { to: creationAddress(key(0).address, 0), data, gasLimit: 20_000_000 });
    const build = async (offered: readonly Transaction[]) => {
      let asked = 0;
      const isLate = (): boolean => ++asked > 3;
      return buildBlock(testEnv(), after, request({ isLate }), sourceOf(offered));
    };
    const first = await build([slow, signed(key(2), {})]);
    expect(first.skipped).toEqual([{ hash: slow.hash, code: 'BLOCK_TX_SLOW' }]);
    expect(first.executed.state.root).toBe(after.header.stateRoot);
    const second = await build([signed(key(2), {}), slow]);
    expect(second.skipped).toEqual([{ hash: slow.hash, code: 'BLOCK_TX_LATE' }]);
    expect(second.body.transactions).toHaveLength(1);
    expect(nonceOf(second.executed.state, key(1).address)).toBe(0);
  });

  it('carries each offence once and nothing that proves none', async () => {
    const proof = (text: string): Evidence => ({
      kind: 'messages',
      offender: key(1).address,
      first: Buffer.from(text),
      second: NO_BYTES,
    });
    const rules = {
      ...idleRules,
      judge: (evidence: Evidence) =>
        evidence.first.length > 3 ? { offender: evidence.offender, code: 'DOUBLE', height: 1 } : null,
    };
    const evidence = [proof('no'), proof('first'), proof('second')];
    const { body, executed } = await buildBlock(testEnv({ rules }), parent, request({ evidence }), sourceOf([]));
    expect(body.evidence).toEqual([proof('first')]);
    expect(executed.consensus.validators.find(({ address }) => address === key(1).address)?.jailed).toBe(true);
  });
});
