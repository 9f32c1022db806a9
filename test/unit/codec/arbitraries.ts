/** Generators of well-formed values for the codec's property tests. */
import * as fc from 'fast-check';
import { aggregateVotes } from '../../../src/codec/votes.ts';
import type { UnsignedTransaction } from '../../../src/codec/transaction.ts';
import type { Block, Header } from '../../../src/types/block.ts';
import type { Evidence } from '../../../src/types/evidence.ts';
import type { SignedMessage } from '../../../src/types/message.ts';
import type { AccessList } from '../../../src/types/transaction.ts';
import type { Address, Bytes, Hash, Hex } from '../../../src/types/primitives.ts';
import type { Log, Receipt } from '../../../src/types/receipt.ts';
import { toHex } from '../../../src/util/hex.ts';

export const bytes = (sizeBytesMax: number, sizeBytesMin = 0): fc.Arbitrary<Bytes> =>
  fc.uint8Array({ minLength: sizeBytesMin, maxLength: sizeBytesMax });
export const hex = (sizeBytes: number): fc.Arbitrary<Hex> => bytes(sizeBytes, sizeBytes).map(toHex);
export const address: fc.Arbitrary<Address> = hex(20);
export const hash: fc.Arbitrary<Hash> = hex(32);
export const uint: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: 0, max: 300 }),
  fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  fc.constantFrom(0, 127, 128, 255, 256, 2 ** 48 - 1, 2 ** 48, Number.MAX_SAFE_INTEGER),
);
export const word: fc.Arbitrary<bigint> = fc.oneof(
  fc.bigInt(0n, 300n),
  fc.bigInt(0n, 2n ** 256n - 1n),
  fc.constantFrom(0n, 127n, 128n, 2n ** 48n - 1n, 2n ** 48n, 2n ** 53n, 2n ** 64n, 2n ** 256n - 1n),
);
export const privateKey: fc.Arbitrary<Bytes> = bytes(32, 32).filter(
  (key) => (key[0] ?? 255) < 255 && key.some((b) => b > 0),
);

const accessList: fc.Arbitrary<AccessList> = fc.array(
  fc.record({ address, storageKeys: fc.array(hash, { maxLength: 3 }) }),
  { maxLength: 3 },
);

export const unsignedTransaction: fc.Arbitrary<UnsignedTransaction> = fc
  .record({
    type: fc.constantFrom<0 | 1 | 2>(0, 1, 2),
    chainId: fc.option(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), { freq: 5 }),
    nonce: uint,
    gasLimit: uint,
    fees: fc.tuple(word, word),
    to: fc.option(address, { freq: 5 }),
    value: word,
    data: fc.oneof(fc.constant(new Uint8Array(0)), bytes(80), bytes(400)),
    accessList,
  })
  .map(({ fees: [a, b], ...tx }) => ({
    ...tx,
    chainId: tx.type === 0 ? tx.chainId : (tx.chainId ?? 31337),
    maxFeePerGas: a > b ? a : b,
    maxPriorityFeePerGas: tx.type === 2 && a > b ? b : tx.type === 2 ? a : a > b ? a : b,
    accessList: tx.type === 0 ? [] : tx.accessList,
  }));

export const header: fc.Arbitrary<Header> = fc.record({
  parentHash: hash,
  beneficiary: address,
  stateRoot: hash,
  transactionsRoot: hash,
  receiptsRoot: hash,
  logsBloom: hex(256),
  number: uint,
  gasLimit: uint,
  gasUsed: uint,
  timeMs: uint,
  baseFeePerGas: word,
  consensusRoot: hash,
  extra: bytes(100),
  seal: bytes(65),
});

export const message: fc.Arbitrary<SignedMessage> = fc.record({
  from: address,
  payload: bytes(100),
  signature: bytes(65, 65).map((signature) => Uint8Array.from(signature, (byte, i) => (i === 64 ? byte & 1 : byte))),
});

export const evidence: fc.Arbitrary<Evidence> = fc.record({
  kind: fc.constantFrom<'headers' | 'messages'>('headers', 'messages'),
  offender: address,
  first: bytes(100),
  second: bytes(100),
});

export const block: fc.Arbitrary<Block> = fc.record({
  header,
  body: fc.record({
    transactions: fc.array(bytes(120, 1), { maxLength: 4 }),
    evidence: fc.array(evidence, { maxLength: 2 }),
    votes: fc.array(message, { maxLength: 3 }).map(aggregateVotes),
  }),
});

export const log: fc.Arbitrary<Log> = fc.record({
  address,
  topics: fc.array(hash, { maxLength: 4 }),
  data: bytes(70).map(toHex),
});

export const receipt: fc.Arbitrary<Receipt> = fc.record({
  type: fc.constantFrom(0, 1, 2),
  status: fc.constantFrom<0 | 1>(0, 1),
  cumulativeGasUsed: uint,
  logsBloom: fc.oneof(fc.constant<Hex>(`0x${'00'.repeat(256)}`), hex(256)),
  logs: fc.array(log, { maxLength: 3 }),
  gasUsed: uint,
  effectiveGasPrice: word,
  contractAddress: fc.option(address),
});

/** A change somewhere in the bytes: flip, insert, delete, cut off, double, or overwrite with a telling byte. */
export const mutation: fc.Arbitrary<(input: Bytes) => Bytes> = fc
  .record({
    how: fc.constantFrom('flip', 'insert', 'delete', 'cut', 'append', 'prefix'),
    where: fc.nat(),
    value: fc.oneof(
      fc.constantFrom(0x00, 0x01, 0x7f, 0x80, 0x81, 0xb7, 0xb8, 0xbf, 0xc0, 0xf7, 0xf8, 0xff),
      fc.nat(255),
    ),
  })
  .map(({ how, where, value }) => (input) => {
    const at = input.length === 0 ? 0 : where % input.length;
    const before = input.subarray(0, at);
    if (how === 'flip')
      return Buffer.concat([before, Uint8Array.of((input[at] ?? 0) ^ (value | 1)), input.subarray(at + 1)]);
    if (how === 'insert') return Buffer.concat([before, Uint8Array.of(value), input.subarray(at)]);
    if (how === 'delete') return Buffer.concat([before, input.subarray(at + 1)]);
    if (how === 'cut') return new Uint8Array(before);
    if (how === 'append') return Buffer.concat([input, Uint8Array.of(value)]);
    return Buffer.concat([before, Uint8Array.of(value), input.subarray(at + 1)]);
  });
