/**
 * What one node of a fleet tells the others of its clients:
 *
 *     message = version 1 | node 8 | incarnation 6 | sequence 6 | sent at 6 | count 2 | count × entry | mac 32
 *     entry   = tag 16 | base 6 | total 6
 *
 * Numbers are unsigned and big-endian; times are ms since 1970. `mac` is the fleet's, over all before it. `incarnation` is when the node
 * started, and counters and sequence numbers begin anew with it. `total` is what the node has admitted of the client and never falls; `base`
 * is what of that it has told several times before, and so the most that a node needs to have heard to miss nothing.
 */
import type { Bytes, Millis } from '../../src/types/primitives.ts';
import { CodecError } from '../../src/util/errors.ts';
import { MAC_BYTES, TAG_BYTES, type FleetKey } from './fleet-key.ts';

const VERSION = 1;
const NODE_BYTES = 8;
const NUMBER_BYTES = 6;
const COUNT_AT = 1 + NODE_BYTES + 3 * NUMBER_BYTES;
const HEAD_BYTES = COUNT_AT + 2;
const ENTRY_BYTES = TAG_BYTES + 2 * NUMBER_BYTES;
export const ENTRIES_MAX = 1024;
export const NUMBER_MAX = 2 ** (8 * NUMBER_BYTES) - 1;
const MESSAGE_BYTES_MIN = HEAD_BYTES + MAC_BYTES;
export const MESSAGE_BYTES_MAX = MESSAGE_BYTES_MIN + ENTRIES_MAX * ENTRY_BYTES;

export type CounterEntry = { readonly tag: string; readonly base: number; readonly total: number };

export type CounterMessage = {
  /** 16 hexadecimal digits. */
  readonly node: string;
  readonly incarnation: Millis;
  readonly sequence: number;
  readonly sentAtMs: Millis;
  /** At most ENTRIES_MAX. */
  readonly entries: readonly CounterEntry[];
};

export function encodeCounters(message: CounterMessage, key: FleetKey): Bytes {
  const { node, incarnation, sequence, sentAtMs, entries } = message;
  const bytes = Buffer.alloc(MESSAGE_BYTES_MIN + entries.length * ENTRY_BYTES);
  bytes[0] = VERSION;
  bytes.write(node, 1, NODE_BYTES, 'hex');
  let at = 1 + NODE_BYTES;
  for (const number of [incarnation, sequence, sentAtMs]) at = bytes.writeUIntBE(number, at, NUMBER_BYTES);
  at = bytes.writeUInt16BE(entries.length, at);
  for (const { tag, base, total } of entries) {
    at += bytes.write(tag, at, TAG_BYTES, 'hex');
    at = bytes.writeUIntBE(base, at, NUMBER_BYTES);
    at = bytes.writeUIntBE(total, at, NUMBER_BYTES);
  }
  bytes.set(key.mac(bytes.subarray(0, at)), at);
  return bytes;
}

/**
 * Throws CodecError: LIMITS_MALFORMED for what no node of any fleet sends, LIMITS_VERSION for a form of later, LIMITS_FORGED for what
 * this fleet has not signed.
 */
export function decodeCounters(data: Bytes, key: FleetKey): CounterMessage {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (bytes.length < MESSAGE_BYTES_MIN || bytes.length > MESSAGE_BYTES_MAX) throw malformed('its size');
  if (bytes[0] !== VERSION) throw new CodecError('LIMITS_VERSION', `counters of version ${bytes[0]}, not ${VERSION}`);
  const count = bytes.readUInt16BE(COUNT_AT);
  if (bytes.length !== MESSAGE_BYTES_MIN + count * ENTRY_BYTES) throw malformed('its number of entries');
  const signed = bytes.subarray(0, bytes.length - MAC_BYTES);
  if (!key.isMac(bytes.subarray(signed.length), signed)) {
    throw new CodecError('LIMITS_FORGED', 'counters that no node of this fleet has signed');
  }
  const numberAt = (at: number): number => signed.readUIntBE(at, NUMBER_BYTES);
  const entries: CounterEntry[] = [];
  for (let at = HEAD_BYTES; at < signed.length; at += ENTRY_BYTES) {
    const base = numberAt(at + TAG_BYTES);
    const total = numberAt(at + TAG_BYTES + NUMBER_BYTES);
    if (base > total) throw malformed('an entry');
    entries.push({ tag: signed.toString('hex', at, at + TAG_BYTES), base, total });
  }
  const [incarnation, sequence, sentAtMs] = [0, 1, 2].map((index) => numberAt(1 + NODE_BYTES + index * NUMBER_BYTES));
  return {
    node: signed.toString('hex', 1, 1 + NODE_BYTES),
    incarnation: incarnation ?? 0,
    sequence: sequence ?? 0,
    sentAtMs: sentAtMs ?? 0,
    entries,
  };
}

function malformed(what: string): CodecError {
  return new CodecError('LIMITS_MALFORMED', `counters are malformed: ${what}`);
}
