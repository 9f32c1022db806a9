import type { Bytes } from '../types/primitives.ts';
import { bytesOfText, encodeNode, HASH_SIZE_BYTES, refOf, type TrieNode } from './trie-node.ts';
import type { Trie } from './trie.ts';
import { keccak256Bytes } from '../crypto/keccak.ts';

/** A trie node as it is stored. */
export type StoredNode = { readonly hash: Bytes; readonly rlp: Bytes };

/** Gathers the nodes of tries that the store does not have yet, each once, however many of the tries share it. */
export class NodeCollector {
  readonly nodes: StoredNode[] = [];
  readonly #seen = new Set<TrieNode>();

  add(trie: Trie): void {
    const root = trie.node;
    if (root === null || typeof root === 'string') return;
    // A root is looked up by its hash even when it is short.
    if (refOf(root).length < HASH_SIZE_BYTES && this.#isNew(root)) {
      const rlp = encodeNode(root);
      this.nodes.push({ hash: keccak256Bytes(rlp), rlp });
    }
    this.#visit(root);
  }

  /** The nodes are in the store now: nobody collects them again, and memory need not hold them. */
  markStored(): void {
    for (const node of this.#seen) node.stored = true;
  }

  #isNew(node: TrieNode): boolean {
    if (node.stored || this.#seen.has(node)) return false;
    this.#seen.add(node);
    return true;
  }

  #visit(node: TrieNode): void {
    const ref = refOf(node);
    // Whatever an embedded node holds is embedded in turn.
    if (ref.length < HASH_SIZE_BYTES || !this.#isNew(node)) return;
    this.nodes.push({ hash: bytesOfText(ref), rlp: encodeNode(node) });
    if (node.kind === 'leaf') return;
    for (const child of node.kind === 'extension' ? [node.child] : node.children) {
      if (child !== null && typeof child !== 'string') this.#visit(child);
    }
  }
}
