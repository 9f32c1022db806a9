import type { Hash } from './primitives.ts';

export type Account = {
  readonly nonce: number;
  readonly balance: bigint;
  readonly storageRoot: Hash;
  readonly codeHash: Hash;
};

/** keccak256 of nothing: the code hash of an account without code. */
export const EMPTY_CODE_HASH: Hash = '0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470';
/** keccak256(rlp('')): the root of an empty trie. */
export const EMPTY_ROOT: Hash = '0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421';

export const EMPTY_ACCOUNT: Account = {
  nonce: 0,
  balance: 0n,
  storageRoot: EMPTY_ROOT,
  codeHash: EMPTY_CODE_HASH,
};
