import { createHash } from 'node:crypto';
import type { Bytes, Millis } from '../src/types/primitives.ts';

/** A gossip message is told from others for this long; after it, the same bytes are a new message. */
export const SEEN_MS: Millis = 20_000;

const MESSAGE_ID_BYTES = 20;

/** SHA-256 of topic and data, cut to 20 bytes. */
export function messageId(topic: string, data: Bytes): Bytes {
  return createHash('sha256').update(topic).update('\0').update(data).digest().subarray(0, MESSAGE_ID_BYTES);
}

/** A message id as a key of maps. */
export function messageIdText(id: Bytes): string {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1');
}
