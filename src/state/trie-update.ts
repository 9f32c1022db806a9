/**
 * Bulk update of a trie: one descent for all changes, each touched node copied once.
 *
 * Changes are sorted by key, so those below one node are one run [low, high) of the list, and every step divides the run
 * by its next nibble. A node that nothing changes is returned as the same object, so what is untouched stays shared, with
 * its hash, between the old trie and the new one.
 */
import { assert } from '../util/assert.ts';
import { BranchNode, ExtensionNode, LeafNode, nibbleAt, type TrieChild, type TrieNode } from './trie-node.ts';

/** `key`: hex digits. `value`: latin-1 text, null deletes. */
export type TrieChange = { readonly key: string; readonly value: string | null };
export type NodeLoader = (hash: string) => TrieNode;

/** `changes`: sorted by key, each key once. */
export function updateNode(root: TrieChild, changes: readonly TrieChange[], load: NodeLoader): TrieChild {
  return apply({ changes, load }, root, 0, 0, changes.length);
}

type Batch = { readonly changes: readonly TrieChange[]; readonly load: NodeLoader };

/** The node at `depth` nibbles below the root, after the changes in [low, high), of which there is at least one. */
function apply(batch: Batch, child: TrieChild, depth: number, low: number, high: number): TrieChild {
  if (low === high) return child;
  if (child === null) return build(batch.changes, depth, low, high);
  const node = typeof child === 'string' ? batch.load(child) : child;
  const next =
    node.kind === 'leaf'
      ? applyToLeaf(batch, node, depth, low, high)
      : node.kind === 'extension'
        ? applyToExtension(batch, node, depth, low, high)
        : applyToBranch(batch, node, depth, low, high);
  return next === node ? child : next;
}

function applyToLeaf(batch: Batch, leaf: LeafNode, depth: number, low: number, high: number): TrieChild {
  const only = high - low === 1 ? (batch.changes[low] as TrieChange) : null;
  if (only !== null && only.key.length === depth + leaf.path.length && only.key.endsWith(leaf.path)) {
    if (only.value === null) return null;
    return only.value === leaf.value ? leaf : new LeafNode(leaf.path, only.value);
  }
  const key = keyAt(batch.changes, low).slice(0, depth) + leaf.path;
  const merged: TrieChange[] = [];
  let placed = false;
  for (let i = low; i < high; i++) {
    const change = batch.changes[i] as TrieChange;
    if (!placed && change.key >= key) {
      if (change.key > key) merged.push({ key, value: leaf.value });
      placed = true;
    }
    merged.push(change);
  }
  if (!placed) merged.push({ key, value: leaf.value });
  const next = build(merged, depth, 0, merged.length);
  const same = next !== null && next.kind === 'leaf' && next.path === leaf.path && next.value === leaf.value;
  return same ? leaf : next;
}

function applyToExtension(batch: Batch, node: ExtensionNode, depth: number, low: number, high: number): TrieChild {
  // The run is sorted: what its first and last key share with the path, all keys between them share too.
  const shared = Math.min(
    sharedLength(node.path, keyAt(batch.changes, low), depth),
    sharedLength(node.path, keyAt(batch.changes, high - 1), depth),
  );
  if (shared === node.path.length) {
    const child = apply(batch, node.child, depth + shared, low, high);
    return child === node.child ? node : prepend(node.path, child, batch.load);
  }
  const children = emptyChildren();
  const rest = node.path.slice(shared + 1);
  children[nibbleAt(node.path, shared)] = rest === '' ? node.child : new ExtensionNode(rest, node.child);
  const split = new BranchNode(children);
  const next = applyToBranch(batch, split, depth + shared, low, high);
  return next === split ? node : prepend(node.path.slice(0, shared), next, batch.load);
}

function applyToBranch(batch: Batch, node: BranchNode, depth: number, low: number, high: number): TrieChild {
  let children: TrieChild[] | null = null;
  for (let start = low; start < high;) {
    const end = runEnd(batch.changes, depth, start, high);
    const nibble = nibbleAt(keyAt(batch.changes, start), depth);
    const before = node.children[nibble] as TrieChild;
    const after = apply(batch, before, depth + 1, start, end);
    if (after !== before) {
      children ??= node.children.slice();
      children[nibble] = after;
    }
    start = end;
  }
  return children === null ? node : branchOf(children, batch.load);
}

/** A branch, or what stands in its place when fewer than two children are left. */
function branchOf(children: TrieChild[], load: NodeLoader): TrieChild {
  let count = 0;
  let last = 0;
  for (let i = 0; i < children.length; i++) {
    if (children[i] === null) continue;
    count++;
    last = i;
  }
  if (count === 0) return null;
  if (count > 1) return new BranchNode(children);
  return prepend(last.toString(16), children[last] as TrieChild, load);
}

/** The child, its path longer by `prefix` at the front. */
function prepend(prefix: string, child: TrieChild, load: NodeLoader): TrieChild {
  if (child === null || prefix === '') return child;
  const node = typeof child === 'string' ? load(child) : child;
  if (node.kind === 'leaf') return new LeafNode(prefix + node.path, node.value);
  if (node.kind === 'extension') return new ExtensionNode(prefix + node.path, node.child);
  return new ExtensionNode(prefix, child);
}

/** A new trie of the changes in [low, high) that set something. */
function build(changes: readonly TrieChange[], depth: number, from: number, to: number): TrieNode | null {
  let low = from;
  let high = to;
  while (low < high && changes[low]?.value === null) low++;
  while (low < high && changes[high - 1]?.value === null) high--;
  if (low === high) return null;
  const first = changes[low] as TrieChange;
  if (high - low === 1) return new LeafNode(first.key.slice(depth), first.value as string);
  const last = keyAt(changes, high - 1);
  let split = depth;
  while (split < first.key.length && first.key.charCodeAt(split) === last.charCodeAt(split)) split++;
  assert(split < first.key.length, 'a trie key is a prefix of another');
  const children = emptyChildren();
  for (let start = low; start < high;) {
    const end = runEnd(changes, split, start, high);
    children[nibbleAt(keyAt(changes, start), split)] = build(changes, split + 1, start, end);
    start = end;
  }
  const branch = new BranchNode(children);
  return split === depth ? branch : new ExtensionNode(first.key.slice(depth, split), branch);
}

/** End of the run that has the same nibble at `depth` as the change at `start`. */
function runEnd(changes: readonly TrieChange[], depth: number, start: number, high: number): number {
  const code = keyAt(changes, start).charCodeAt(depth);
  assert(!Number.isNaN(code), 'a trie key is a prefix of another');
  let end = start + 1;
  while (end < high && keyAt(changes, end).charCodeAt(depth) === code) end++;
  return end;
}

function sharedLength(path: string, key: string, depth: number): number {
  let length = 0;
  while (length < path.length && path.charCodeAt(length) === key.charCodeAt(depth + length)) length++;
  return length;
}

function keyAt(changes: readonly TrieChange[], index: number): string {
  return (changes[index] as TrieChange).key;
}

function emptyChildren(): TrieChild[] {
  return [null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null];
}
