import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Level } from 'level';
import type { BatchOp, KeyValueStore, Range } from '../src/ports/kv.ts';
import type { Bytes } from '../src/types/primitives.ts';
import { errorText, ParleyError } from '../src/util/errors.ts';

/**
 * A KeyValueStore over LevelDB (`level`, which is classic-level 3 here).
 *
 * Writes. Two batches handed to LevelDB at once run on two threads and may commit in either order. So one write is in
 * flight at a time; batches that come meanwhile wait in order and go together as the next write (group commit). Each stays
 * atomic because the write they share is, and the order of calls is the order on disk. After a failed write every later one
 * is refused: what a caller was told is on disk must never depend on a write that is not.
 */
export type LevelOptions = {
  /** Cache of uncompressed blocks. */
  readonly cacheSizeBytes?: number;
  /** Log and memory table; two may be held at once. */
  readonly writeBufferSizeBytes?: number;
  /** false: a missing database is an error (DATA_DIR_MISSING) instead of a new one. */
  readonly createIfMissing?: boolean;
};

export const CACHE_SIZE_BYTES = 32 * 1024 * 1024;
export const WRITE_BUFFER_SIZE_BYTES = 8 * 1024 * 1024;
/** Batches waiting for the write in flight. Callers await their own, so only a broken one gets here. */
export const BATCHES_WAITING_MAX = 16_384;
/** Operations that one shared write takes at most; a larger batch goes alone. */
export const SHARED_WRITE_OPS_MAX = 16_384;
/** Entries read from an iterator at a time. */
const READ_AHEAD_ENTRIES = 256;

type Database = Level<Bytes, Bytes>;
type LevelOp = { type: 'put'; key: Bytes; value: Bytes } | { type: 'del'; key: Bytes };
type Waiting = {
  readonly ops: readonly LevelOp[];
  readonly sync: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
};

export class LevelStore implements KeyValueStore {
  readonly #db: Database;
  #waiting: Waiting[] = [];
  #writing = false;
  #written: Promise<void> = Promise.resolve();
  #closing: Promise<void> | null = null;
  #failure: ParleyError | null = null;

  private constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Opens or makes the database in this directory. ParleyError: DATA_DIR_IN_USE, DATA_DIR_DAMAGED, DATA_DIR_MISSING,
   * DATA_DIR_UNUSABLE (permissions, a full disk, a file in the way). A directory that is refused is left as it was.
   */
  static async open(path: string, options: LevelOptions = {}): Promise<LevelStore> {
    const createIfMissing = options.createIfMissing ?? true;
    // LevelDB itself would leave a lock file and a log behind.
    if (!createIfMissing && !existsSync(join(path, 'CURRENT'))) {
      throw new ParleyError('DATA_DIR_MISSING', `there is no database in ${path}`, { path });
    }
    const db: Database = new Level<Bytes, Bytes>(path, {
      keyEncoding: 'view',
      valueEncoding: 'view',
      createIfMissing,
      cacheSize: options.cacheSizeBytes ?? CACHE_SIZE_BYTES,
      writeBufferSize: options.writeBufferSizeBytes ?? WRITE_BUFFER_SIZE_BYTES,
    });
    try {
      await db.open();
    } catch (error) {
      await db.close().catch(() => {});
      throw openingError(error, path);
    }
    return new LevelStore(db);
  }

  get(key: Bytes): Bytes | undefined {
    try {
      return this.#db.getSync(key);
    } catch (error) {
      throw runningError(error);
    }
  }

  /** Synchronous as the port asks: one look-up after another, each without a promise. */
  getMany(keys: readonly Bytes[]): (Bytes | undefined)[] {
    return keys.map((key) => this.get(key));
  }

  batch(ops: readonly BatchOp[], options: { readonly sync: boolean }): Promise<void> {
    if (this.#closing !== null) return Promise.reject(closedError());
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (this.#waiting.length >= BATCHES_WAITING_MAX) {
      return Promise.reject(new ParleyError('STORE_BUSY', 'too many writes wait for the disk; wait for earlier ones'));
    }
    // The caller keeps its buffers. A write that starts now copies them into LevelDB at once; one that waits needs its own.
    const copy = !this.#writing ? (bytes: Bytes): Bytes => bytes : (bytes: Bytes): Bytes => Buffer.from(bytes);
    const levelOps = ops.map(({ key, value }): LevelOp =>
      value === null ? { type: 'del', key: copy(key) } : { type: 'put', key: copy(key), value: copy(value) },
    );
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ops: levelOps, sync: options.sync, resolve, reject });
      if (!this.#writing) this.#written = this.#write();
    });
  }

  /** The snapshot is taken here, not at the first read. */
  iterate(range: Range): AsyncIterable<readonly [Bytes, Bytes]> {
    if (this.#closing !== null) throw closedError();
    const iterator = this.#db.iterator({
      gte: range.gte,
      lt: range.lt,
      reverse: range.reverse ?? false,
      limit: range.limit ?? -1,
    });
    return (async function* () {
      try {
        for (;;) {
          const entries = await iterator.nextv(READ_AHEAD_ENTRIES);
          if (entries.length === 0) return;
          yield* entries;
        }
      } catch (error) {
        throw runningError(error);
      } finally {
        await iterator.close();
      }
    })();
  }

  /** Finishes the writes asked for, then lets the directory go. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.#written;
      await this.#db.close();
    })();
    return this.#closing;
  }

  async #write(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup();
      try {
        if (this.#failure !== null) throw this.#failure;
        const ops = group.flatMap((waiting) => waiting.ops);
        await this.#db.batch(ops, { sync: group.some((waiting) => waiting.sync) });
        for (const waiting of group) waiting.resolve();
      } catch (error) {
        this.#failure ??= writingError(error);
        for (const waiting of group) waiting.reject(this.#failure);
      }
    }
    this.#writing = false;
  }

  #takeGroup(): readonly Waiting[] {
    let ops = 0;
    let taken = 0;
    for (const waiting of this.#waiting) {
      if (taken > 0 && ops + waiting.ops.length > SHARED_WRITE_OPS_MAX) break;
      ops += waiting.ops.length;
      taken += 1;
    }
    return this.#waiting.splice(0, taken);
  }
}

function levelCode(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
}

function openingError(error: unknown, path: string): ParleyError {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const reason = errorText(cause);
  const data = { path, reason };
  if (levelCode(cause) === 'LEVEL_LOCKED') {
    const text = `another node uses the data directory ${path}; stop it or choose another directory`;
    return new ParleyError('DATA_DIR_IN_USE', text, data, { cause });
  }
  if (levelCode(cause) === 'LEVEL_CORRUPTION') {
    const text = `the database in ${path} is damaged (${reason}); restore a copy, or start over with a fresh directory`;
    return new ParleyError('DATA_DIR_DAMAGED', text, data, { cause });
  }
  return new ParleyError('DATA_DIR_UNUSABLE', `cannot open the database in ${path}: ${reason}`, data, { cause });
}

function runningError(error: unknown): unknown {
  if (levelCode(error) === 'LEVEL_DATABASE_NOT_OPEN' || levelCode(error) === 'LEVEL_ITERATOR_NOT_OPEN') {
    return closedError();
  }
  if (levelCode(error) === 'LEVEL_CORRUPTION') {
    const reason = errorText(error);
    return new ParleyError('DATA_DIR_DAMAGED', `the database is damaged: ${reason}`, { reason }, { cause: error });
  }
  return error;
}

function writingError(error: unknown): ParleyError {
  if (error instanceof ParleyError) return error;
  const reason = errorText(error);
  const text = `the database cannot be written (${reason}); free the disk, then start the node again`;
  return new ParleyError('STORE_WRITE_FAILED', text, { reason }, { cause: error });
}

function closedError(): ParleyError {
  return new ParleyError('STORE_CLOSED', 'the database is closed');
}
