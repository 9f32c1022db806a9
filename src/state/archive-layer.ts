import type { StateStore } from '../ports/state.ts';
import { ZERO_HASH, type Hash } from '../types/primitives.ts';
import { ParleyError } from '../util/errors.ts';
import { fromHex } from '../util/hex.ts';
import { ArchiveReader } from './archive-reader.ts';
import { StateLayer } from './layer.ts';
import { decodeWord } from './secure.ts';

/**
 * The state at any root that was ever finalized, to be built on in memory. Reads as ArchiveReader does; nothing that stands on it can be
 * finalized.
 */
export function archiveLayer(store: StateStore, root: Hash): StateLayer {
  const reader = new ArchiveReader(store, root);
  const archive: StateStore = {
    account: (address) => reader.account(address),
    storage: (address, slotHash) => {
      const value = reader.storageTrie(address).get(fromHex(slotHash));
      return value === undefined ? ZERO_HASH : decodeWord(value);
    },
    code: (codeHash) => store.code(codeHash),
    node: (hash) => store.node(hash),
    ops: unwritable,
    applied: unwritable,
  };
  return StateLayer.base(archive, root);
}

function unwritable(): never {
  throw new ParleyError('INVARIANT', 'an old state cannot be finalized again');
}
