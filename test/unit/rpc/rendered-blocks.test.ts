/** Rendered JSON is what JSON.stringify makes of the formatters' output, however often it was asked for, and takes no more room than it may. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatBlock, formatLog, formatReceipt } from '../../../rpc/format.ts';
import { EVERY_LOG, matchesLog, type LogCriteria } from '../../../rpc/log-filter.ts';
import { RenderedBlocks, renderedMetrics } from '../../../rpc/rendered-blocks.ts';
import { mayHaveLogs, RenderedLogs } from '../../../rpc/rendered-logs.ts';
import { RenderedReceipts } from '../../../rpc/rendered-receipts.ts';
import { logsBloom } from '../../../src/codec/bloom.ts';
import type { BlockView } from '../../../src/node/api.ts';
import type { JsonObject } from '../../../src/types/primitives.ts';
import type { Receipt } from '../../../src/types/receipt.ts';
import type { Transaction } from '../../../src/types/transaction.ts';
import { fromHex, toHex } from '../../../src/util/hex.ts';
import { address, hash, header, hex, log, receipt, unsignedTransaction } from '../codec/arbitraries.ts';

type FakeView = BlockView & { receiptsRead: number };

const transaction: fc.Arbitrary<Transaction> = fc
  .record({ unsigned: unsignedTransaction, hash, sender: address, r: hash, s: hash, yParity: fc.constantFrom(0, 1) })
  .map(({ unsigned, yParity, ...rest }) => ({
    ...unsigned,
    ...rest,
    yParity,
    v: BigInt(27 + yParity),
    raw: Uint8Array.of(1),
  }));

/** Blocks whose bloom filter tells the truth. */
const view: fc.Arbitrary<FakeView> = fc
  .record({ header, hash, executed: fc.array(fc.tuple(transaction, receipt), { maxLength: 5 }) })
  .map(({ header: bare, hash: blockHash, executed }) => {
    const receipts = executed.map(([, one]) => one);
    const logs = receipts.flatMap((one) => one.logs);
    return viewOf({ ...bare, logsBloom: logsBloom(logs) }, blockHash, executed);
  });

function viewOf(
  bare: BlockView['block']['header'],
  blockHash: BlockView['hash'],
  executed: readonly (readonly [Transaction, Receipt])[],
): FakeView {
  const transactions = executed.map(([tx]) => tx);
  const made: FakeView = {
    hash: blockHash,
    block: { header: bare, body: { transactions: transactions.map(({ raw }) => raw), evidence: [], votes: [] } },
    sizeBytes: 700,
    canonical: true,
    receiptsRead: 0,
    transactions: () => transactions,
    receipts() {
      made.receiptsRead++;
      return executed.map(([, one]) => one);
    },
  };
  return made;
}

/** Block `number`, with one log of so many bytes. */
function blockAt(number: number, dataSizeBytes = 100): FakeView {
  const [sample] = fc.sample(fc.tuple(header, transaction, receipt, log), { numRuns: 1, seed: 7 });
  if (sample === undefined) throw new Error('no sample');
  const [bare, tx, rcpt, some] = sample;
  const logs = [{ ...some, data: toHex(new Uint8Array(dataSizeBytes)) }];
  const blockHash = toHex(Buffer.from(String(number).padStart(32, '0')));
  return viewOf({ ...bare, number, logsBloom: logsBloom(logs) }, blockHash, [[tx, { ...rcpt, logs }]]);
}

/** The plain way: everything anew, counting as one reads. */
function plainReceipts(block: BlockView): JsonObject[] {
  let logs = 0;
  return block.receipts().map((one, index) => {
    const tx = block.transactions()[index] as Transaction;
    const formatted = formatReceipt(block, tx, one, index, logs);
    logs += one.logs.length;
    return formatted;
  });
}

function plainLogs(block: BlockView, criteria: LogCriteria, removed: boolean): JsonObject[] {
  const all = block.receipts().flatMap((one, index) => one.logs.map((found) => ({ found, index })));
  return all.flatMap(({ found, index }, logIndex) =>
    matchesLog(criteria, found)
      ? [formatLog(found, block, block.transactions()[index] as Transaction, index, logIndex, removed)]
      : [],
  );
}

/** Of an address or a first topic that is in the block, or is not. */
const criteriaOf = (block: BlockView): fc.Arbitrary<LogCriteria> => {
  const logs = block.receipts().flatMap((one) => one.logs);
  const groups = logs.flatMap(({ address: from, topics }): LogCriteria[] => [
    { addresses: new Set([from]), topics: [], bloomGroups: [[fromHex(from)]] },
    ...topics.slice(0, 1).map((topic) => ({
      addresses: null,
      topics: [new Set([topic])],
      bloomGroups: [[fromHex(topic)]],
    })),
  ]);
  const other = hex(20).map((from) => ({ addresses: new Set([from]), topics: [], bloomGroups: [[fromHex(from)]] }));
  return fc.oneof(fc.constant(EVERY_LOG), other, fc.constantFrom(EVERY_LOG, ...groups));
};

describe('the text', () => {
  const withCriteria = view.chain((block) => fc.tuple(fc.constant(block), criteriaOf(block)));

  it.each([0, 1 << 20])('is that of the formatters, with %i bytes to keep it in', (sizeBytesMax) => {
    fc.assert(
      fc.property(withCriteria, ([block, criteria]) => {
        const rendered = new RenderedBlocks(sizeBytesMax);
        // The second time it is kept, or made again.
        for (let time = 0; time < 2; time++) {
          for (const full of [true, false]) {
            expect(rendered.block(block, full)).toBe(JSON.stringify(formatBlock(block, full)));
          }
          for (const [index, plain] of plainReceipts(block).entries()) {
            expect(rendered.receipts(block).at(index, block)).toBe(JSON.stringify(plain));
          }
          expect(rendered.receipts(block).all(block)).toBe(JSON.stringify(plainReceipts(block)));
          for (const removed of [false, true]) {
            const plain = plainLogs(block, criteria, removed).map((one) => JSON.stringify(one));
            expect(rendered.logs(block).matching(criteria, block, removed)).toEqual(plain);
            expect(plain.length > 0 && !mayHaveLogs(criteria, block)).toBe(false);
          }
        }
      }),
    );
  });

  it('and what it was made from take no more than is counted', () => {
    fc.assert(
      fc.property(view, (block) => {
        const logs = new RenderedLogs(block.receipts());
        const ofLogs = block.receipts().flatMap((one) => one.logs);
        const bare = ofLogs.reduce((sum, one) => sum + one.data.length + 66 * one.topics.length + 42, 0);
        expect(logs.matching(EVERY_LOG, block).join('').length + bare).toBeLessThanOrEqual(logs.sizeBytes);
        const receipts = new RenderedReceipts(block.receipts());
        const blooms = block.receipts().reduce((sum, one) => sum + one.logsBloom.length, 0);
        expect(receipts.all(block).length + bare + blooms).toBeLessThanOrEqual(receipts.sizeBytes + 2);
      }),
    );
  });

  it('asked for a receipt that is not there is refused', () => {
    const block = blockAt(1);
    expect(() => new RenderedBlocks(0).receipts(block).at(1, block)).toThrow(
      expect.objectContaining({ code: 'INVARIANT' }),
    );
  });
});

describe('what is kept', () => {
  it('is read and rendered once', () => {
    const rendered = new RenderedBlocks(1 << 20);
    const block = blockAt(1);
    const logs = rendered.logs(block);
    expect(rendered.logs({ ...block })).toBe(logs);
    const [text] = logs.matching(EVERY_LOG, block);
    expect(logs.matching(EVERY_LOG, { ...block, transactions: () => [] })).toEqual([text]);
    expect(rendered.receipts(block)).toBe(rendered.receipts(block));
    expect(block.receiptsRead).toBe(2);
  });

  it('never takes more bytes than it may, whatever comes', () => {
    const asked = fc.record({ number: fc.nat(30), part: fc.nat(3), data: fc.nat(4000) });
    fc.assert(
      fc.property(fc.array(asked, { maxLength: 60 }), fc.integer({ min: 1, max: 20_000 }), (calls, sizeBytesMax) => {
        const rendered = new RenderedBlocks(sizeBytesMax);
        for (const { number, part, data } of calls) {
          const block = blockAt(number, data);
          if (part === 0) rendered.logs(block);
          else if (part === 1) rendered.receipts(block);
          else rendered.block(block, part === 2);
          expect(rendered.sizeBytes).toBeLessThanOrEqual(sizeBytesMax);
        }
      }),
    );
  });

  it('makes room by what was not used for longest', () => {
    const [one, two, three] = [blockAt(1), blockAt(2), blockAt(3)];
    const measure = new RenderedBlocks(1 << 20);
    measure.logs(blockAt(1));
    const rendered = new RenderedBlocks(2 * measure.sizeBytes);
    for (const block of [one, two, one, three, one, two]) rendered.logs(block);
    expect([one, two, three].map((block) => block.receiptsRead)).toEqual([1, 2, 1]);
  });

  it('is not what would not fit by itself, and all else stays', () => {
    const small = blockAt(1);
    const large = blockAt(2, 40_000);
    const rendered = new RenderedBlocks(20_000);
    for (const block of [small, large, large, small]) rendered.logs(block);
    expect([small.receiptsRead, large.receiptsRead]).toEqual([1, 2]);
  });

  it('is nothing when it is off', () => {
    const rendered = new RenderedBlocks(0);
    const block = blockAt(1);
    for (let time = 0; time < 3; time++) rendered.logs(block);
    rendered.block(block, true);
    expect([block.receiptsRead, rendered.sizeBytes]).toEqual([3, 0]);
  });

  it('is not a block before it was executed here', () => {
    const rendered = new RenderedBlocks(1 << 20);
    const block = blockAt(1);
    const early = { ...block, receipts: () => [], transactions: () => [] };
    expect(rendered.logs(early).matching(EVERY_LOG, early)).toEqual([]);
    expect(rendered.receipts(early).all(early)).toBe('[]');
    rendered.block(early, true);
    expect(rendered.sizeBytes).toBe(0);
    expect(rendered.logs(block).matching(EVERY_LOG, block)).toHaveLength(1);
    expect(rendered.receipts(block).all(block)).toBe(JSON.stringify(plainReceipts(block)));
    expect(rendered.block(block, true)).toBe(JSON.stringify(formatBlock(block, true)));
  });

  it('is counted: hits, misses and bytes', () => {
    const rendered = new RenderedBlocks(1 << 20);
    const counted: Record<string, number> = {};
    const count = (name: string, value: number): void => void (counted[name] = (counted[name] ?? 0) + value);
    const metrics = renderedMetrics({
      counter: (name) => ({ add: (value = 1, { outcome = '' } = {}) => count(`${name} ${outcome}`, value) }),
      gauge: (name) => ({ set: (value) => void (counted[name] = value) }),
      histogram: () => ({ observe: () => {} }),
    });
    for (let time = 0; time < 3; time++) rendered.block(blockAt(1), false);
    rendered.report(metrics);
    rendered.report(metrics);
    expect(counted).toEqual({
      'parley_rpc_rendered_total hit': 2,
      'parley_rpc_rendered_total miss': 1,
      parley_rpc_rendered_bytes: rendered.sizeBytes,
    });
    expect(rendered.sizeBytes).toBeGreaterThan(rendered.block(blockAt(1), false).length);
  });
});
