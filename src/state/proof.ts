/**
 * Merkle proofs. A proof is the RLP of the trie's nodes from the root towards a key, each named by its hash in the one
 * before (nodes under 32 bytes are inside it); it shows the key's value, or that the key is absent. EIP-1186 gives the
 * shape of an account's proof.
 */
import { decodeAccount } from '../codec/account.ts';
import { keccak256Bytes } from '../crypto/keccak.ts';
import { EMPTY_ACCOUNT, EMPTY_ROOT, type Account } from '../types/account.ts';
import { ZERO_HASH, type Address, type Bytes, type Hash, type Hex } from '../types/primitives.ts';
import { CodecError, ParleyError } from '../util/errors.ts';
import { fromHex, toHex } from '../util/hex.ts';
import { decodeWord, secureKey } from './secure.ts';
import { decodeNode, HASH_SIZE_BYTES, nibbleAt, textOfBytes, type TrieChild, type TrieNode } from './trie-node.ts';
import { TRIE_KEY_SIZE_BYTES_MAX, type Trie } from './trie.ts';

/** Storage slots in one account proof. */
export const PROOF_SLOTS_MAX = 1024;
/** One node for each nibble of the longest key, and the leaf. */
export const PROOF_NODES_MAX = TRIE_KEY_SIZE_BYTES_MAX * 2 + 1;
/** A leaf holds a whole value, and a receipt can be large. */
export const PROOF_SIZE_BYTES_MAX = 2 * 1024 * 1024;

/** StateLayer and ArchiveReader are. */
export type ProvableState = {
  account(address: Address): Account | undefined;
  accountTrie(): Trie;
  storageTrie(address: Address): Trie;
};

/** EIP-1186. An absent account shows as an empty one, its proof as one of absence. */
export type AccountProof = {
  readonly address: Address;
  readonly accountProof: readonly Hex[];
  readonly balance: bigint;
  readonly codeHash: Hash;
  readonly nonce: number;
  readonly storageHash: Hash;
  readonly storageProof: readonly { readonly key: Hash; readonly value: bigint; readonly proof: readonly Hex[] }[];
};

/** Throws ParleyError PROOF_TOO_LARGE above PROOF_SLOTS_MAX slots, STATE_PRUNED where the state is not kept. */
export function proveAccount(state: ProvableState, address: Address, slots: readonly Hash[]): AccountProof {
  if (slots.length > PROOF_SLOTS_MAX) {
    throw new ParleyError('PROOF_TOO_LARGE', `ask for at most ${PROOF_SLOTS_MAX} storage slots at once`);
  }
  const account = state.account(address) ?? EMPTY_ACCOUNT;
  const trie = state.storageTrie(address);
  return {
    address,
    accountProof: state.accountTrie().prove(secureKey(address)).map(toHex),
    balance: account.balance,
    codeHash: account.codeHash,
    nonce: account.nonce,
    storageHash: account.storageRoot,
    storageProof: slots.map((slot) => {
      const key = secureKey(slot);
      const value = trie.get(key);
      return {
        key: slot,
        value: value === undefined ? 0n : BigInt(decodeWord(value)),
        proof: trie.prove(key).map(toHex),
      };
    }),
  };
}

/**
 * The value that `proof` shows for `key` in the trie with this root; null: it shows that there is none. `key` is the trie's
 * own: the hash of an address or slot, or rlp(index). For hostile input: throws nothing but CodecError (PROOF_INVALID,
 * PROOF_TOO_LARGE, TRIE_NODE_INVALID, RLP_*).
 */
export function verifyProof(root: Hash, key: Bytes, proof: readonly Bytes[]): Bytes | null {
  checkSize(proof);
  if (key.length > TRIE_KEY_SIZE_BYTES_MAX) throw new CodecError('PROOF_INVALID', 'the key is too long');
  const path = toHex(key).slice(2);
  const nodes = new ProofNodes(proof);
  let child: TrieChild = root === EMPTY_ROOT ? null : nodes.take(textOfBytes(fromHex(root)));
  let depth = 0;
  let value: Bytes | null = null;
  while (child !== null) {
    const node: TrieNode = typeof child === 'string' ? nodes.take(child) : child;
    child = null;
    if (node.kind === 'leaf') {
      if (node.path === path.slice(depth)) value = Buffer.from(node.value, 'latin1');
    } else if (node.kind === 'extension') {
      if (path.startsWith(node.path, depth)) child = node.child;
      depth += node.path.length;
    } else {
      if (depth >= path.length) throw new CodecError('PROOF_INVALID', 'the proof leads past the end of the key');
      child = node.children[nibbleAt(path, depth)] ?? null;
      depth++;
    }
  }
  nodes.end();
  return value;
}

/** verifyProof of an account. null: there is none. Also throws CodecError ACCOUNT_MALFORMED. */
export function verifyAccountProof(stateRoot: Hash, address: Address, proof: readonly Bytes[]): Account | null {
  const value = verifyProof(stateRoot, secureKey(address), proof);
  return value === null ? null : decodeAccount(value);
}

/** verifyProof of a storage word. Also throws CodecError WORD_INVALID. */
export function verifyStorageProof(storageRoot: Hash, slot: Hash, proof: readonly Bytes[]): Hash {
  const value = verifyProof(storageRoot, secureKey(slot), proof);
  return value === null ? ZERO_HASH : decodeWord(value);
}

function checkSize(proof: readonly Bytes[]): void {
  let sizeBytes = 0;
  for (const node of proof) sizeBytes += node.length;
  if (proof.length > PROOF_NODES_MAX || sizeBytes > PROOF_SIZE_BYTES_MAX) {
    throw new CodecError(
      'PROOF_TOO_LARGE',
      `a proof has at most ${PROOF_NODES_MAX} nodes and ${PROOF_SIZE_BYTES_MAX} bytes`,
    );
  }
}

/** A proof's nodes in their order, each checked against the hash that names it. */
class ProofNodes {
  readonly #proof: readonly Bytes[];
  #next = 0;

  constructor(proof: readonly Bytes[]) {
    this.#proof = proof;
  }

  take(hash: string): TrieNode {
    const rlp = this.#proof[this.#next++];
    if (rlp === undefined) throw new CodecError('PROOF_INVALID', 'the proof ends early');
    if (hash.length !== HASH_SIZE_BYTES || textOfBytes(keccak256Bytes(rlp)) !== hash) {
      throw new CodecError('PROOF_INVALID', 'a node of the proof does not have the hash that names it');
    }
    return decodeNode(rlp, hash);
  }

  end(): void {
    if (this.#next < this.#proof.length) throw new CodecError('PROOF_INVALID', 'the proof goes on after its end');
  }
}
