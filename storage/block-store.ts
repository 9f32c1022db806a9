import { decodeBlock, encodeBlock } from '../src/codec/block.ts';
import { decodeStoredReceipts, encodeStoredReceipts } from '../src/codec/receipt.ts';
import { encodeRlp, encodeUint } from '../src/codec/rlp.ts';
import { RlpReader } from '../src/codec/rlp-reader.ts';
import type { BatchOp, KeyValueStore } from '../src/ports/kv.ts';
import type { BlockStore, FinalizedPointer, FinalizeStep, TransactionLocation } from '../src/ports/stores.ts';
import type { Block } from '../src/types/block.ts';
import type { Bytes, Hash } from '../src/types/primitives.ts';
import type { Receipt } from '../src/types/receipt.ts';
import { ParleyError } from '../src/util/errors.ts';
import { fromHex, toHex } from '../src/util/hex.ts';
import { keyOf, numberKey, spaceRange } from './keyspace.ts';

const FINALIZED = metaKey('finalized');
const HASH_SIZE_BYTES = 32;
const LOCATION_SIZE_BYTES = HASH_SIZE_BYTES + 4;

/**
 * Blocks, receipts, indexes and the finalized pointer over one KeyValueStore. What cannot be decoded is damage, not a
 * missing block: ParleyError DATA_DIR_DAMAGED.
 */
export class KeyValueBlockStore implements BlockStore {
  readonly #kv: KeyValueStore;

  constructor(kv: KeyValueStore) {
    this.#kv = kv;
  }

  block(hash: Hash): Block | undefined {
    const bytes = this.#kv.get(keyOf('block', fromHex(hash)));
    return bytes && undamaged(`block ${hash}`, () => decodeBlock(bytes));
  }

  canonicalHash(number: number): Hash | undefined {
    const bytes = this.#kv.get(keyOf('canonical', numberKey(number)));
    return bytes && toHex(bytes);
  }

  receipts(hash: Hash): readonly Receipt[] | undefined {
    const bytes = this.#kv.get(keyOf('receipts', fromHex(hash)));
    return bytes && undamaged(`receipts of ${hash}`, () => decodeStoredReceipts(bytes));
  }

  transaction(hash: Hash): TransactionLocation | undefined {
    const bytes = this.#kv.get(keyOf('transaction', fromHex(hash)));
    return bytes && undamaged(`place of transaction ${hash}`, () => decodeLocation(bytes));
  }

  justification(hash: Hash): Bytes | undefined {
    return this.#kv.get(keyOf('justification', fromHex(hash)));
  }

  finalized(): FinalizedPointer | undefined {
    const bytes = this.#kv.get(FINALIZED);
    return bytes && undamaged('finalized pointer', () => decodePointer(bytes));
  }

  async putUnfinalized(block: Block, hash: Hash): Promise<void> {
    const ops = [
      { key: keyOf('block', fromHex(hash)), value: encodeBlock(block) },
      { key: unfinalizedKey(block.header.number, hash), value: new Uint8Array(0) },
    ];
    await this.#kv.batch(ops, { sync: false });
  }

  async unfinalized(): Promise<readonly { readonly hash: Hash; readonly block: Block }[]> {
    const blocks: { readonly hash: Hash; readonly block: Block }[] = [];
    // Keys are in the order of heights, so parents come first.
    for await (const [key] of this.#kv.iterate(spaceRange('unfinalized'))) {
      const hash = toHex(key.subarray(-HASH_SIZE_BYTES));
      const block = this.block(hash);
      if (block !== undefined) blocks.push({ hash, block });
    }
    return blocks;
  }

  async finalize(step: FinalizeStep): Promise<void> {
    const ops: BatchOp[] = [];
    for (const { hash, block, receipts, transactionHashes } of step.blocks) {
      const key = fromHex(hash);
      // Written again although `putUnfinalized` has: that write was not synced, and this one must stand alone.
      ops.push({ key: keyOf('block', key), value: encodeBlock(block) });
      ops.push({ key: keyOf('receipts', key), value: encodeStoredReceipts(receipts) });
      ops.push({ key: keyOf('canonical', numberKey(block.header.number)), value: key });
      ops.push({ key: unfinalizedKey(block.header.number, hash), value: null });
      for (const [index, transaction] of transactionHashes.entries()) {
        ops.push({ key: keyOf('transaction', fromHex(transaction)), value: encodeLocation(key, index) });
      }
    }
    for (const { hash, number } of step.dead) {
      ops.push({ key: keyOf('block', fromHex(hash)), value: null });
      ops.push({ key: unfinalizedKey(number, hash), value: null });
    }
    if (step.justification !== null) {
      ops.push({ key: keyOf('justification', fromHex(step.pointer.hash)), value: step.justification });
    }
    for (const { name, value } of step.metas ?? []) ops.push({ key: metaKey(name), value });
    for (const op of step.stateOps) ops.push(op);
    ops.push({ key: FINALIZED, value: encodePointer(step.pointer) });
    await this.#kv.batch(ops, { sync: true });
  }

  meta(name: string): Bytes | undefined {
    return this.#kv.get(metaKey(name));
  }

  async putMeta(name: string, value: Bytes): Promise<void> {
    await this.#kv.batch([{ key: metaKey(name), value }], { sync: true });
  }
}

export function metaKey(name: string): Bytes {
  return keyOf('meta', Buffer.from(name));
}

function unfinalizedKey(number: number, hash: Hash): Bytes {
  return keyOf('unfinalized', numberKey(number), fromHex(hash));
}

function encodeLocation(blockHash: Bytes, index: number): Bytes {
  const bytes = Buffer.alloc(LOCATION_SIZE_BYTES);
  bytes.set(blockHash);
  bytes.writeUInt32BE(index, HASH_SIZE_BYTES);
  return bytes;
}

function decodeLocation(bytes: Bytes): TransactionLocation {
  if (bytes.length !== LOCATION_SIZE_BYTES) throw new RangeError(`${bytes.length} bytes`);
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { blockHash: toHex(bytes.subarray(0, HASH_SIZE_BYTES)), index: view.readUInt32BE(HASH_SIZE_BYTES) };
}

/** The anchor is a list of one, so that an empty one differs from none. */
function encodePointer(pointer: FinalizedPointer): Bytes {
  return encodeRlp([
    fromHex(pointer.hash),
    encodeUint(pointer.number),
    fromHex(pointer.stateRoot),
    pointer.anchor === null ? [] : [pointer.anchor],
  ]);
}

function decodePointer(bytes: Bytes): FinalizedPointer {
  const reader = new RlpReader(bytes);
  const end = reader.openList();
  const hash = reader.hash();
  const number = reader.uint();
  const stateRoot = reader.hash();
  const anchorEnd = reader.openList();
  const anchor = reader.hasMore() ? new Uint8Array(reader.bytes()) : null;
  reader.closeList(anchorEnd);
  reader.closeList(end);
  reader.end();
  return { hash, number, stateRoot, anchor };
}

function undamaged<T>(what: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw new ParleyError(
      'DATA_DIR_DAMAGED',
      `the database is damaged: ${what} cannot be read`,
      { what },
      { cause: error },
    );
  }
}
