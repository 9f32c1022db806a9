import type { Account } from '../types/account.ts';
import type { Bytes } from '../types/primitives.ts';
import { fromHex } from '../util/hex.ts';
import { encodeRlp, encodeUint } from './rlp.ts';
import { RlpReader } from './rlp-reader.ts';
import { asMalformed } from './malformed.ts';

/** RLP [nonce, balance, storageRoot, codeHash] (yellow paper §4.1). */
export function encodeAccount(account: Account): Bytes {
  return encodeRlp([
    encodeUint(account.nonce),
    encodeUint(account.balance),
    fromHex(account.storageRoot),
    fromHex(account.codeHash),
  ]);
}

/** Throws CodecError ACCOUNT_MALFORMED. */
export function decodeAccount(bytes: Bytes): Account {
  return asMalformed('ACCOUNT_MALFORMED', () => {
    const reader = new RlpReader(bytes);
    const outer = reader.openList();
    const account: Account = {
      nonce: reader.uint(),
      balance: reader.bigint(),
      storageRoot: reader.hash(),
      codeHash: reader.hash(),
    };
    reader.closeList(outer);
    reader.end();
    return account;
  });
}
