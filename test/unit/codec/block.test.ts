import * as fc from 'fast-check';
import { keccak256 as viemKeccak256, numberToHex, toRlp } from 'viem';
import { describe, expect, it } from 'vitest';
import {
  consensusRoot,
  decodeBlock,
  decodeBlockWithProof,
  decodeHeader,
  EMPTY_CONSENSUS_ROOT,
  encodeBlock,
  encodeBlockWithProof,
  encodeHeader,
  headerHash,
  HEADER_SIZE_BYTES_MAX,
  JUSTIFICATION_SIZE_BYTES_MAX,
  sealHash,
  TRANSACTIONS_PER_BLOCK_MAX,
} from '../../../src/codec/block.ts';
import { decodeRlp, encodeRlp, type RlpItem } from '../../../src/codec/rlp.ts';
import {
  BLOCK_SIZE_BYTES_MAX,
  EVIDENCE_PER_BLOCK_MAX,
  EXTRA_SIZE_BYTES_MAX,
  SEAL_SIZE_BYTES_MAX,
  VOTES_PER_BLOCK_MAX,
  type Block,
  type Header,
} from '../../../src/types/block.ts';
import { EVIDENCE_SIZE_BYTES_MAX, type Evidence } from '../../../src/types/evidence.ts';
import { MESSAGE_SIZE_BYTES_MAX, type SignedMessage } from '../../../src/types/message.ts';
import type { Bytes, Hex } from '../../../src/types/primitives.ts';
import { TRANSACTION_SIZE_BYTES_MAX } from '../../../src/types/transaction.ts';
import { toHex } from '../../../src/util/hex.ts';
import { block as anyBlock, bytes, header as anyHeader, mutation } from './arbitraries.ts';
import { codecCodeOf, expectStrict } from './expect-strict.ts';

const header: Header = {
  parentHash: `0x${'11'.repeat(32)}`,
  beneficiary: `0x${'22'.repeat(20)}`,
  stateRoot: `0x${'33'.repeat(32)}`,
  transactionsRoot: `0x${'44'.repeat(32)}`,
  receiptsRoot: `0x${'55'.repeat(32)}`,
  logsBloom: `0x${'00'.repeat(256)}`,
  number: 7,
  gasLimit: 30_000_000,
  gasUsed: 21_000,
  timeMs: 1_700_000_000_123,
  baseFeePerGas: 1_000_000_000n,
  consensusRoot: EMPTY_CONSENSUS_ROOT,
  extra: Uint8Array.of(1, 2),
  seal: new Uint8Array(65).fill(9),
};
const empty: Block = { header, body: { transactions: [], evidence: [], votes: [] } };
const withBody = (body: Partial<Block['body']>): Bytes => encodeBlock({ header, body: { ...empty.body, ...body } });

describe('headers', () => {
  it('are RLP of their fields in order, then the seal; that hashes to the block hash', () => {
    const quantity = (n: number | bigint): Hex => {
      const text = numberToHex(n);
      return text.length % 2 === 0 ? text : `0x0${text.slice(2)}`;
    };
    const { parentHash, beneficiary, stateRoot, transactionsRoot, receiptsRoot, logsBloom } = header;
    const numbers = [header.number, header.gasLimit, header.gasUsed, header.timeMs, header.baseFeePerGas].map(quantity);
    const unsealed = [
      parentHash,
      beneficiary,
      stateRoot,
      transactionsRoot,
      receiptsRoot,
      logsBloom,
      ...numbers,
      header.consensusRoot,
      toHex(header.extra),
    ];
    const sealed = toRlp([...unsealed, toHex(header.seal)] as Hex[]);
    expect(toHex(encodeHeader(header))).toBe(sealed);
    expect(headerHash(header)).toBe(viemKeccak256(sealed));
    expect(sealHash(header)).toBe(viemKeccak256(toRlp(unsealed)));
  });

  it('come back as they were', () => {
    fc.assert(
      fc.property(anyHeader, (value) => {
        const encoded = encodeHeader(value);
        expect(decodeHeader(encoded)).toEqual(value);
        expect(toHex(encodeHeader(decodeHeader(encoded)))).toBe(toHex(encoded));
      }),
    );
  });

  it('differ in hash when any field differs, and in seal hash except for the seal', () => {
    const changes: Partial<Header>[] = [
      { parentHash: `0x${'12'.repeat(32)}` },
      { beneficiary: `0x${'23'.repeat(20)}` },
      { number: 8 },
      { gasUsed: 0 },
      { timeMs: 1_700_000_000_124 },
      { baseFeePerGas: 0n },
      { extra: Uint8Array.of(1, 3) },
    ];
    for (const change of changes) {
      expect(headerHash({ ...header, ...change })).not.toBe(headerHash(header));
      expect(sealHash({ ...header, ...change })).not.toBe(sealHash(header));
    }
    const resealed = { ...header, seal: Uint8Array.of(1) };
    expect(headerHash(resealed)).not.toBe(headerHash(header));
    expect(sealHash(resealed)).toBe(sealHash(header));
  });

  it('have bounded extra and seal', () => {
    const largest = {
      ...header,
      extra: new Uint8Array(EXTRA_SIZE_BYTES_MAX),
      seal: new Uint8Array(SEAL_SIZE_BYTES_MAX),
    };
    expect(decodeHeader(encodeHeader(largest)).extra).toHaveLength(EXTRA_SIZE_BYTES_MAX);
    const longExtra = { ...header, extra: new Uint8Array(EXTRA_SIZE_BYTES_MAX + 1) };
    const longSeal = { ...header, seal: new Uint8Array(SEAL_SIZE_BYTES_MAX + 1) };
    for (const bad of [longExtra, longSeal]) {
      expect(codecCodeOf(() => decodeHeader(encodeHeader(bad)))).toBe('BLOCK_MALFORMED');
      expect(codecCodeOf(() => decodeBlock(encodeBlock({ ...empty, header: bad })))).toBe('BLOCK_MALFORMED');
    }
    expect(codecCodeOf(() => decodeHeader(new Uint8Array(HEADER_SIZE_BYTES_MAX + 1)))).toBe('BLOCK_TOO_LARGE');
  });

  it('refuse numbers above 2^53-1', () => {
    const items = decodeRlp(encodeHeader(header)) as RlpItem[];
    for (const index of [6, 7, 8, 9]) {
      const changed = items.map((item, i) => (i === index ? new Uint8Array(7).fill(0xff) : item));
      expect(codecCodeOf(() => decodeHeader(encodeRlp(changed)))).toBe('BLOCK_MALFORMED');
    }
  });

  it('do not keep the bytes they came in', () => {
    const decoded = decodeBlock(withBody({ transactions: [new Uint8Array(100_000)] })).header;
    expect(decoded.extra.buffer.byteLength).toBe(header.extra.length);
    expect(decoded.seal.buffer.byteLength).toBe(header.seal.length);
  });
});

describe('blocks', () => {
  it('come back as they were, with and without proof', () => {
    fc.assert(
      fc.property(anyBlock, bytes(200, 1), (block, justification) => {
        expect(decodeBlock(encodeBlock(block))).toEqual(block);
        expect(decodeBlockWithProof(encodeBlockWithProof({ block }))).toEqual({ block });
        expect(decodeBlockWithProof(encodeBlockWithProof({ block, justification }))).toEqual({ block, justification });
      }),
    );
  });

  it('decode from whatever bytes to what encodes to the same, or throw a CodecError', () => {
    const input = fc.tuple(anyBlock, fc.array(mutation, { minLength: 1, maxLength: 3 }));
    fc.assert(
      fc.property(input, ([block, mutations]) => {
        const changed = mutations.reduce((current: Bytes, mutate) => mutate(current), encodeBlock(block));
        expectStrict(changed, decodeBlock, encodeBlock);
        expectStrict(changed, decodeBlockWithProof, encodeBlockWithProof);
        expectStrict(changed, decodeHeader, encodeHeader);
      }),
      { numRuns: 800 },
    );
  });

  it('are refused when malformed', () => {
    const items = decodeRlp(encodeBlock(empty)) as RlpItem[];
    for (const list of [items.slice(0, 3), [...items, []], [[], [], [], []], []]) {
      expect(codecCodeOf(() => decodeBlock(encodeRlp(list)))).toBe('BLOCK_MALFORMED');
    }
    expect(codecCodeOf(() => decodeBlock(new Uint8Array(0)))).toBe('BLOCK_MALFORMED');
    expect(codecCodeOf(() => decodeBlock(withBody({ transactions: [new Uint8Array(0)] })))).toBe('BLOCK_MALFORMED');
    expect(codecCodeOf(() => decodeBlock(Buffer.concat([encodeBlock(empty), Uint8Array.of(0)])))).toBe(
      'BLOCK_MALFORMED',
    );
  });

  it('have a limit of bytes', () => {
    const transactions = Array.from({ length: 17 }, () => new Uint8Array(TRANSACTION_SIZE_BYTES_MAX));
    expect(codecCodeOf(() => decodeBlock(withBody({ transactions })))).toBe('BLOCK_TOO_LARGE');
    const block = { header, body: { ...empty.body, transactions } };
    expect(codecCodeOf(() => decodeBlockWithProof(encodeBlockWithProof({ block })))).toBe('BLOCK_TOO_LARGE');
    expect(codecCodeOf(() => decodeBlock(new Uint8Array(BLOCK_SIZE_BYTES_MAX + 1)))).toBe('BLOCK_TOO_LARGE');
    const justification = new Uint8Array(JUSTIFICATION_SIZE_BYTES_MAX + 1);
    expect(codecCodeOf(() => decodeBlockWithProof(encodeBlockWithProof({ block: empty, justification })))).toBe(
      'BLOCK_TOO_LARGE',
    );
  });

  it('the largest with the largest proof still passes', () => {
    const filler = new Uint8Array(TRANSACTION_SIZE_BYTES_MAX);
    const transactions = Array.from({ length: 15 }, () => filler);
    const rest = BLOCK_SIZE_BYTES_MAX - withBody({ transactions: [...transactions, new Uint8Array(100_000)] }).length;
    transactions.push(new Uint8Array(100_000 + rest));
    const block = { header, body: { ...empty.body, transactions } };
    expect(encodeBlock(block)).toHaveLength(BLOCK_SIZE_BYTES_MAX);
    const justification = new Uint8Array(JUSTIFICATION_SIZE_BYTES_MAX).fill(1);
    const decoded = decodeBlockWithProof(encodeBlockWithProof({ block, justification }));
    expect(decoded.block.body.transactions).toHaveLength(16);
    expect(decoded.justification).toHaveLength(JUSTIFICATION_SIZE_BYTES_MAX);
  });

  it('have limits of counts', () => {
    const vote = { from: header.beneficiary, payload: new Uint8Array(1), signature: new Uint8Array(65) };
    const evidence = {
      kind: 'headers',
      offender: header.beneficiary,
      first: new Uint8Array(1),
      second: new Uint8Array(1),
    } as const;
    const votes = Array.from({ length: VOTES_PER_BLOCK_MAX }, () => vote);
    const list = Array.from({ length: EVIDENCE_PER_BLOCK_MAX }, () => evidence);
    const transactions = Array.from({ length: TRANSACTIONS_PER_BLOCK_MAX }, () => Uint8Array.of(1));
    expect(decodeBlock(withBody({ votes, evidence: list, transactions })).body.votes).toHaveLength(VOTES_PER_BLOCK_MAX);
    expect(codecCodeOf(() => decodeBlock(withBody({ votes: [...votes, vote] })))).toBe('BLOCK_TOO_MANY_VOTES');
    expect(codecCodeOf(() => decodeBlock(withBody({ evidence: [...list, evidence] })))).toBe('BLOCK_TOO_MUCH_EVIDENCE');
    expect(codecCodeOf(() => decodeBlock(withBody({ transactions: [...transactions, Uint8Array.of(1)] })))).toBe(
      'BLOCK_TOO_MANY_TRANSACTIONS',
    );
  });

  it('have limits of their parts', () => {
    const transaction = new Uint8Array(TRANSACTION_SIZE_BYTES_MAX + 1);
    expect(codecCodeOf(() => decodeBlock(withBody({ transactions: [transaction] })))).toBe('TX_TOO_LARGE');
    const vote = {
      from: header.beneficiary,
      payload: new Uint8Array(MESSAGE_SIZE_BYTES_MAX),
      signature: new Uint8Array(65),
    };
    expect(codecCodeOf(() => decodeBlock(withBody({ votes: [vote] })))).toBe('MESSAGE_TOO_LARGE');
    const half = new Uint8Array(EVIDENCE_SIZE_BYTES_MAX / 2);
    const evidence = { kind: 'messages', offender: header.beneficiary, first: half, second: half } as const;
    expect(codecCodeOf(() => decodeBlock(withBody({ evidence: [evidence] })))).toBe('EVIDENCE_TOO_LARGE');
  });
});

describe('consensusRoot', () => {
  it('of nothing is the hash of two empty lists', () => {
    expect(EMPTY_CONSENSUS_ROOT).toBe(viemKeccak256('0xc2c0c0'));
  });

  it('survives the encoding', () => {
    fc.assert(
      fc.property(anyBlock, ({ header: any, body }) => {
        expect(consensusRoot(decodeBlock(encodeBlock({ header: any, body })).body)).toBe(consensusRoot(body));
      }),
    );
  });

  it('commits to evidence, votes and their order', () => {
    const from = header.beneficiary;
    const vote = (n: number): SignedMessage => ({ from, payload: Uint8Array.of(n), signature: new Uint8Array(65) });
    const proof: Evidence = { kind: 'messages', offender: from, first: Uint8Array.of(1), second: Uint8Array.of(2) };
    const roots = [
      { evidence: [], votes: [] },
      { evidence: [], votes: [vote(1)] },
      { evidence: [], votes: [vote(1), vote(2)] },
      { evidence: [], votes: [vote(2), vote(1)] },
      { evidence: [proof], votes: [] },
      { evidence: [{ ...proof, first: proof.second, second: proof.first }], votes: [] },
      { evidence: [{ ...proof, kind: 'headers' as const }], votes: [] },
    ].map(consensusRoot);
    expect(new Set(roots).size).toBe(roots.length);
  });
});
