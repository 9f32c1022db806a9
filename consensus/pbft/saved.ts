import { messageToRlp, readMessage } from '../../src/codec/message.ts';
import { encodeRlp, encodeUint, type RlpItem } from '../../src/codec/rlp.ts';
import { RlpReader } from '../../src/codec/rlp-reader.ts';
import { MESSAGE_SIZE_BYTES_MAX, type SignedMessage } from '../../src/types/message.ts';
import type { Bytes, Signature } from '../../src/types/primitives.ts';
import { ParleyError } from '../../src/util/errors.ts';
import type { EngineEffect } from '../api/effect.ts';
import { readList } from '../common/ffg-codec.ts';
import { certificateToRlp, readCertificate, type Certificate } from './messages.ts';

const SAVED_KEY = 'pbft';
const SIGNATURE_SIZE_BYTES = 65;

/** An own statement; the signature is known once it came back. */
export type Said = { readonly payload: Bytes; readonly signature: Signature | null };

/** Where this validator stands at a height, and what it said there. */
export type HeightRecord = {
  readonly height: number;
  /** The view it takes part in, … */
  readonly view: number;
  /** … or, above that, the one it waits for. */
  readonly target: number;
  /** The NEW-VIEW that opened the view; null in view 0. */
  readonly entry: SignedMessage | null;
  readonly prepared: Certificate | null;
  /** The first view in which it has sealed no block yet, nor in a later one. */
  readonly unsealedView: number;
  readonly said: readonly Said[];
};

/**
 * The saved value: RLP of records [height, view, target, entry, prepared, unsealed view, [[payload, signature] …]], one for
 * each height, with [] for what there is not.
 *
 * As a rule it is one record. A step that decides a height and speaks at the next one writes both: should a power cut come
 * before the decision is on disk, the validator is back at the first height and must still know what it said there.
 */
export class SavedRecords {
  readonly #records = new Map<number, HeightRecord>();

  /** Throws ParleyError SAVED_VOTES_DAMAGED: a validator that cannot read what it said must not speak. */
  constructor(saved: ReadonlyMap<string, Bytes>) {
    const bytes = saved.get(SAVED_KEY);
    if (bytes === undefined) return;
    try {
      const reader = new RlpReader(bytes);
      for (const record of readList(reader, readRecord)) this.#records.set(record.height, record);
      reader.end();
    } catch (error) {
      throw new ParleyError(
        'SAVED_VOTES_DAMAGED',
        'the saved votes are unreadable; restore them',
        {},
        { cause: error },
      );
    }
  }

  at(height: number): HeightRecord | null {
    return this.#records.get(height) ?? null;
  }

  /** Takes a record in, to be written with the next `persist`. */
  put(record: HeightRecord): void {
    this.#records.set(record.height, record);
  }

  /** Writes all that is not below `floor`: the height whose parent is decided on disk. */
  persist(floor: number): EngineEffect {
    for (const height of this.#records.keys()) if (height < floor) this.#records.delete(height);
    const value = encodeRlp([...this.#records.values()].map(recordToRlp));
    return { type: 'persist', key: SAVED_KEY, value };
  }
}

function recordToRlp(record: HeightRecord): RlpItem {
  return [
    encodeUint(record.height),
    encodeUint(record.view),
    encodeUint(record.target),
    record.entry === null ? [] : [messageToRlp(record.entry)],
    certificateToRlp(record.prepared),
    encodeUint(record.unsealedView),
    record.said.map(({ payload, signature }) => [payload, signature ?? new Uint8Array(0)]),
  ];
}

function readRecord(reader: RlpReader): HeightRecord {
  const outer = reader.openList();
  const record = {
    height: reader.uint(),
    view: reader.uint(),
    target: reader.uint(),
    entry: readList(reader, readMessage)[0] ?? null,
    prepared: readCertificate(reader),
    unsealedView: reader.uint(),
    said: readList(reader, readSaid),
  };
  reader.closeList(outer);
  return record;
}

function readSaid(reader: RlpReader): Said {
  const outer = reader.openList();
  const payload = reader.ownBytes(MESSAGE_SIZE_BYTES_MAX);
  const signature = reader.ownBytes(SIGNATURE_SIZE_BYTES);
  reader.closeList(outer);
  return { payload, signature: signature.length === 0 ? null : signature };
}
