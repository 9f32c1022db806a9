import { decodeUint, encodeUint } from '../src/codec/rlp.ts';
import type { KeyValueStore } from '../src/ports/kv.ts';
import { ParleyError } from '../src/util/errors.ts';
import { metaKey } from './block-store.ts';

/** Meaning of keys and values in a node's database. Raised with a migration from every earlier one that was released. */
export const SCHEMA_VERSION = 1;

const SCHEMA_KEY = metaKey('schemaVersion');

/**
 * Brings a database to SCHEMA_VERSION, or refuses it untouched. To be called before anything else reads it. A new database
 * gets its version. ParleyError DATA_DIR_NEWER (made by a later Parley) or DATA_DIR_DAMAGED (no database of Parley, or no
 * readable version).
 */
export async function migrate(kv: KeyValueStore): Promise<void> {
  const stored = kv.get(SCHEMA_KEY);
  if (stored === undefined) {
    if (!(await isEmpty(kv))) {
      throw new ParleyError(
        'DATA_DIR_DAMAGED',
        'the database names no schema version; it is not one of Parley, or is damaged',
      );
    }
    await kv.batch([{ key: SCHEMA_KEY, value: encodeUint(SCHEMA_VERSION) }], { sync: true });
    return;
  }
  const version = readVersion(stored);
  if (version > SCHEMA_VERSION) {
    const message = `the database was made by a newer Parley (schema ${version}, this one knows ${SCHEMA_VERSION}); use that one`;
    throw new ParleyError('DATA_DIR_NEWER', message, { version, known: SCHEMA_VERSION });
  }
}

function readVersion(stored: Uint8Array): number {
  try {
    const version = decodeUint(stored);
    if (version > 0) return version;
  } catch {
    // Refused below, like a version of zero.
  }
  throw new ParleyError('DATA_DIR_DAMAGED', 'the schema version of the database cannot be read');
}

async function isEmpty(kv: KeyValueStore): Promise<boolean> {
  const everything = { gte: new Uint8Array(0), lt: new Uint8Array(64).fill(0xff), limit: 1 };
  for await (const _ of kv.iterate(everything)) return false;
  return true;
}
