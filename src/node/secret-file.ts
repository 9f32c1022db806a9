import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** What a file system says that knows no hard links. */
const NO_LINKS = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK']);

/**
 * Writes a file that only its owner may read: there whole or not at all, also after a power failure. Without `replace` never over
 * another file: throws EEXIST. Throws the system's errors, which name the path and nothing of the content.
 */
export function writeSecretFile(file: string, text: string, options: { readonly replace?: boolean } = {}): void {
  const temporary = join(dirname(file), `.${randomBytes(8).toString('hex')}.tmp`);
  const fd = openSync(temporary, 'wx', 0o600);
  try {
    try {
      writeFileSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    if (options.replace === true) renameSync(temporary, file);
    else moveToNew(temporary, file);
  } finally {
    rmSync(temporary, { force: true });
  }
  syncDirectory(dirname(file));
}

/**
 * The text of a regular file, `null` where it is larger than `sizeBytesMax`. Neither follows a link nor waits for a pipe. Throws the
 * system's errors; what is no regular file counts as ENOENT's kin with the code EINVAL.
 */
export function readSmallFile(file: string, sizeBytesMax: number): string | null {
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const fd = openSync(file, flags);
  try {
    if (!fstatSync(fd).isFile()) throw Object.assign(new Error(`${file} is not a regular file`), { code: 'EINVAL' });
    const buffer = Buffer.alloc(sizeBytesMax + 1);
    let length = 0;
    for (;;) {
      const read = readSync(fd, buffer, length, buffer.length - length, null);
      if (read === 0) break;
      length += read;
      if (length > sizeBytesMax) return null;
    }
    return buffer.subarray(0, length).toString('utf8');
  } finally {
    closeSync(fd);
  }
}

/** A rename replaces what is there, a link does not. */
function moveToNew(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || !NO_LINKS.has(code) || existsSync(to)) throw error;
    renameSync(from, to);
  }
}

/** Where a directory can be opened at all, its new entry is on disk afterwards. */
function syncDirectory(path: string): void {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY);
  } catch {
    return;
  }
  try {
    fsyncSync(fd);
  } catch {
    // Not every file system can.
  } finally {
    closeSync(fd);
  }
}
