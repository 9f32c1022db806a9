import { describe, expect, it } from 'vitest';
import { decodeBlockWithProof, headerHash } from '../../../src/codec/block.ts';
import { encodeRlp } from '../../../src/codec/rlp.ts';
import {
  answerHash,
  answerRange,
  BLOCKS_PER_ANSWER_MAX,
  decodeBlocksAnswer,
  encodeHashRequest,
  encodeRangeRequest,
  type BlockSource,
} from '../../../src/node/block-server.ts';
import { decodeStatus, encodeStatus } from '../../../src/node/status-message.ts';
import type { Block } from '../../../src/types/block.ts';
import { ZERO_ADDRESS, ZERO_HASH, type Hash } from '../../../src/types/primitives.ts';
import { CodecError } from '../../../src/util/errors.ts';

const HASH: Hash = `0x${'ab'.repeat(32)}`;

function chainOf(length: number, dataBytes = 0): { source: BlockSource; hashes: Hash[] } {
  const blocks: Block[] = [];
  const hashes: Hash[] = [];
  for (let number = 0; number < length; number++) {
    const header = {
      parentHash: hashes.at(-1) ?? ZERO_HASH,
      beneficiary: ZERO_ADDRESS,
      stateRoot: HASH,
      transactionsRoot: HASH,
      receiptsRoot: HASH,
      logsBloom: `0x${'00'.repeat(256)}` as const,
      number,
      gasLimit: 1,
      gasUsed: 0,
      timeMs: number,
      baseFeePerGas: 1n,
      consensusRoot: HASH,
      extra: new Uint8Array(0),
      seal: new Uint8Array(0),
    };
    const transactions = Array.from({ length: dataBytes / 100_000 }, () => Buffer.alloc(100_000, 0x02));
    blocks.push({ header, body: { transactions, evidence: [], votes: [] } });
    hashes.push(headerHash(header));
  }
  const byHash = new Map(hashes.map((hash, i) => [hash, blocks[i]]));
  const found = (block: Block | undefined) => (block === undefined ? null : { block });
  return {
    hashes,
    source: { canonical: (number) => found(blocks[number]), byHash: (hash) => found(byHash.get(hash)) },
  };
}

const numbers = (answer: Uint8Array): number[] =>
  decodeBlocksAnswer(answer).map((bytes) => decodeBlockWithProof(bytes).block.header.number);

describe('serving blocks', () => {
  it('answers a range in order, as far as it has it', () => {
    const { source } = chainOf(10);
    expect(numbers(answerRange(source, encodeRangeRequest({ from: 7, count: 100 })))).toEqual([7, 8, 9]);
    expect(numbers(answerRange(source, encodeRangeRequest({ from: 99, count: 5 })))).toEqual([]);
  });

  it('answers a block with its ancestors, parents first, and leaves out the genesis block', () => {
    const { source, hashes } = chainOf(10);
    expect(numbers(answerHash(source, encodeHashRequest({ hash: hashes[5] ?? HASH, count: 3 })))).toEqual([3, 4, 5]);
    expect(numbers(answerHash(source, encodeHashRequest({ hash: hashes[2] ?? HASH, count: 9 })))).toEqual([1, 2]);
    expect(numbers(answerHash(source, encodeHashRequest({ hash: HASH, count: 9 })))).toEqual([]);
  });

  it('gives no more than its own bounds, however much is asked for', () => {
    const { source } = chainOf(300);
    expect(numbers(answerRange(source, encodeRangeRequest({ from: 1, count: 1_000_000 })))).toHaveLength(
      BLOCKS_PER_ANSWER_MAX,
    );
    const large = chainOf(20, 1_000_000);
    const answer = answerRange(large.source, encodeRangeRequest({ from: 1, count: 100 }));
    expect(answer.length).toBeLessThan(8 * 1024 * 1024);
    expect(numbers(answer).length).toBeGreaterThan(1);
  });

  it.each([
    ['nothing', new Uint8Array(0)],
    ['no list', encodeRlp(new Uint8Array(3))],
    ['one item', encodeRlp([new Uint8Array(1)])],
    ['nested lists', encodeRlp([[], []])],
    ['a number beyond bounds', encodeRlp([Buffer.alloc(9, 0xff), Buffer.from([1])])],
  ])("refuses %s as the sender's fault", (_, payload) => {
    const { source } = chainOf(3);
    expect(() => answerRange(source, payload)).toThrow(CodecError);
    expect(() => answerHash(source, payload)).toThrow(CodecError);
  });
});

describe('the status', () => {
  const status = {
    chainId: 31337,
    shard: 0,
    genesisHash: HASH,
    head: { number: 12, hash: HASH },
    finalized: { number: 10, hash: ZERO_HASH },
  };

  it('comes back as it was', () => {
    expect(decodeStatus(encodeStatus(status))).toEqual(status);
  });

  it('is refused when it is cut short, too long or of another version', () => {
    const bytes = encodeStatus(status);
    expect(() => decodeStatus(bytes.subarray(0, -1))).toThrow(CodecError);
    expect(() => decodeStatus(Buffer.concat([bytes, Buffer.from([0])]))).toThrow(CodecError);
    expect(() => decodeStatus(encodeRlp([Buffer.from([2])]))).toThrow(CodecError);
    expect(() => decodeStatus(encodeRlp([]))).toThrow(CodecError);
  });
});
