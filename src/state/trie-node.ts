/**
 * Nodes of a Merkle-Patricia trie (yellow paper, appendix D) and their RLP.
 *
 * Nodes never change what they stand for. A path is text with one hex digit per nibble; values and references are bytes
 * held as latin-1 text, one character per byte, which takes less than half the memory of small byte arrays and compares
 * at once. A reference is the node's keccak256 (32 characters) or, for a node of less than 32 bytes, its RLP itself.
 * It is worked out when somebody asks for it, so a node is hashed once, however often its parents were copied before.
 *
 * No key may be a prefix of another (keys of one length, or RLP strings): branches therefore hold no values.
 */
import { RlpReader } from '../codec/rlp-reader.ts';
import { writePrefix } from '../codec/rlp.ts';
import { keccak256Bytes } from '../crypto/keccak.ts';
import type { Bytes } from '../types/primitives.ts';
import { CodecError } from '../util/errors.ts';

export type TrieNode = LeafNode | ExtensionNode | BranchNode;
/** A node in memory, the hash of one that is not, or nothing. */
export type TrieChild = TrieNode | string | null;

export const HASH_SIZE_BYTES = 32;
const BRANCH_WIDTH = 16;
/** Nodes inside nodes: each is under 32 bytes, so real ones nest far less. */
const EMBEDDED_DEPTH_MAX = 16;
const SCRATCH_SIZE_BYTES = 1024;

export class LeafNode {
  readonly kind = 'leaf';
  readonly path: string;
  readonly value: string;
  ref: string | null = null;
  /** Its RLP is in the store under `ref`. */
  stored = false;

  constructor(path: string, value: string) {
    this.path = path;
    this.value = value;
  }
}

export class ExtensionNode {
  readonly kind = 'extension';
  readonly path: string;
  /** Changes only between a stored node and its hash. */
  child: TrieNode | string;
  ref: string | null = null;
  stored = false;

  constructor(path: string, child: TrieNode | string) {
    this.path = path;
    this.child = child;
  }
}

export class BranchNode {
  readonly kind = 'branch';
  /** Sixteen; entries change only between a stored node and its hash. */
  readonly children: TrieChild[];
  ref: string | null = null;
  stored = false;

  constructor(children: TrieChild[]) {
    this.children = children;
  }
}

// Nodes are written here, one at a time: whoever calls `write` has asked for the children's references before.
let scratch = Buffer.allocUnsafe(SCRATCH_SIZE_BYTES);
const digest = Buffer.allocUnsafe(HASH_SIZE_BYTES);

/** Hash or embedded RLP of a node, hashing whatever below it has not been hashed. */
export function refOf(node: TrieNode): string {
  if (node.ref !== null) return node.ref;
  settleChildren(node);
  const sizeBytes = write(node);
  if (sizeBytes < HASH_SIZE_BYTES) {
    node.ref = scratch.toString('latin1', 0, sizeBytes);
  } else {
    node.ref = copyToText(keccak256Bytes(scratch.subarray(0, sizeBytes)), digest);
  }
  return node.ref;
}

/** The node's RLP, as a copy of its own. */
export function encodeNode(node: TrieNode): Bytes {
  settleChildren(node);
  return Buffer.from(scratch.subarray(0, write(node)));
}

/** `ref`: the reference under which the bytes were found. Throws CodecError TRIE_NODE_INVALID or RLP_*. */
export function decodeNode(rlp: Bytes, ref: string): TrieNode {
  const source = Buffer.from(rlp.buffer, rlp.byteOffset, rlp.byteLength);
  const reader = new RlpReader(rlp);
  const node = readNode(reader, source, 0);
  reader.end();
  node.ref = ref;
  return node;
}

/** Latin-1 text as bytes. */
export function bytesOfText(text: string): Bytes {
  return Buffer.from(text, 'latin1');
}

/** Bytes as latin-1 text. */
export function textOfBytes(bytes: Bytes): string {
  if (bytes.length <= scratch.length) return copyToText(bytes, scratch);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', 0, bytes.byteLength);
}

/** Through a buffer that is there already: a new view of the bytes costs more than their copy. */
function copyToText(bytes: Bytes, through: Buffer): string {
  through.set(bytes);
  return through.toString('latin1', 0, bytes.length);
}

function settleChildren(node: TrieNode): void {
  if (node.kind === 'leaf') return;
  if (node.kind === 'extension') {
    if (typeof node.child !== 'string') refOf(node.child);
    return;
  }
  for (const child of node.children) if (child !== null && typeof child !== 'string') refOf(child);
}

/** Writes a node into `scratch` and gives its length. */
function write(node: TrieNode): number {
  if (node.kind === 'branch') return writeBranch(node);
  const last = node.kind === 'leaf' ? node.value : childRef(node.child);
  // A child of an extension goes in as it is when embedded, and as a byte string otherwise.
  const raw = node.kind === 'extension' && last.length < HASH_SIZE_BYTES;
  const pathSizeBytes = 1 + (node.path.length >> 1);
  const content = pathSizeBytes + (pathSizeBytes === 1 ? 0 : 1) + (raw ? last.length : stringSize(last));
  if (content + 16 > scratch.length) scratch = Buffer.allocUnsafe(content * 2 + 16);
  let at = writePrefix(0xc0, content, scratch, 0);
  if (pathSizeBytes > 1) scratch[at++] = 0x80 + pathSizeBytes;
  at = writePath(node.path, node.kind === 'leaf', at);
  return raw ? at + scratch.write(last, at, 'latin1') : writeString(last, at);
}

function writeBranch(node: BranchNode): number {
  let content = 1;
  for (const child of node.children) {
    if (child === null) content++;
    else {
      const length = childRef(child).length;
      content += length === HASH_SIZE_BYTES ? 1 + HASH_SIZE_BYTES : length;
    }
  }
  let at = writePrefix(0xc0, content, scratch, 0);
  for (const child of node.children) {
    if (child === null) {
      scratch[at++] = 0x80;
      continue;
    }
    const ref = childRef(child);
    if (ref.length === HASH_SIZE_BYTES) scratch[at++] = 0x80 + HASH_SIZE_BYTES;
    at += scratch.write(ref, at, 'latin1');
  }
  scratch[at++] = 0x80;
  return at;
}

/** Of a child that was settled. */
function childRef(child: TrieNode | string): string {
  return typeof child === 'string' ? child : (child.ref as string);
}

/** Hex-prefix encoding: a flag nibble (2: leaf, 1: odd length), then the path. */
function writePath(path: string, leaf: boolean, start: number): number {
  const odd = path.length & 1;
  const flag = (leaf ? 2 : 0) + odd;
  let at = start;
  scratch[at++] = odd === 1 ? (flag << 4) | nibbleAt(path, 0) : flag << 4;
  for (let i = odd; i < path.length; i += 2) scratch[at++] = (nibbleAt(path, i) << 4) | nibbleAt(path, i + 1);
  return at;
}

/** Value of a lower-case hex digit. */
export function nibbleAt(path: string, index: number): number {
  const code = path.charCodeAt(index);
  return code < 58 ? code - 48 : code - 87;
}

function isSingle(text: string): boolean {
  return text.length === 1 && text.charCodeAt(0) < 0x80;
}

function stringSize(text: string): number {
  if (isSingle(text)) return 1;
  if (text.length < 56) return 1 + text.length;
  let size = 2 + text.length;
  for (let rest = text.length; rest >= 256; rest = Math.floor(rest / 256)) size++;
  return size;
}

function writeString(text: string, start: number): number {
  const at = isSingle(text) ? start : writePrefix(0x80, text.length, scratch, start);
  return at + scratch.write(text, at, 'latin1');
}

function invalid(why: string): CodecError {
  return new CodecError('TRIE_NODE_INVALID', `not a trie node: ${why}`);
}

function readNode(reader: RlpReader, source: Buffer, depth: number): TrieNode {
  if (depth > EMBEDDED_DEPTH_MAX) throw invalid('nested too deep');
  const outer = reader.openList();
  const first = readItem(reader, source, depth);
  const second = readItem(reader, source, depth);
  let node: TrieNode;
  if (reader.hasMore()) {
    const children = [asChild(first), asChild(second)];
    while (children.length < BRANCH_WIDTH) children.push(asChild(readItem(reader, source, depth)));
    if (reader.bytes().length > 0) throw invalid('a branch with a value');
    if (children.filter((child) => child !== null).length < 2) throw invalid('a branch with less than two children');
    node = new BranchNode(children);
  } else {
    node = asShortNode(first, second);
  }
  reader.closeList(outer);
  return node;
}

/** A byte string as text, or an embedded node. */
function readItem(reader: RlpReader, source: Buffer, depth: number): TrieNode | string {
  const start = reader.position;
  if (!reader.nextIsList()) {
    const length = reader.bytes().length;
    return source.toString('latin1', reader.position - length, reader.position);
  }
  const node = readNode(reader, source, depth + 1);
  if (reader.position - start >= HASH_SIZE_BYTES) throw invalid('a node of 32 bytes or more is embedded');
  node.ref = source.toString('latin1', start, reader.position);
  return node;
}

function asChild(item: TrieNode | string): TrieChild {
  if (item === '') return null;
  if (typeof item === 'string' && item.length !== HASH_SIZE_BYTES) throw invalid('a reference that is no hash');
  return item;
}

function asShortNode(path: TrieNode | string, item: TrieNode | string): TrieNode {
  if (typeof path !== 'string' || path === '') throw invalid('no path');
  const digits = Buffer.from(path, 'latin1').toString('hex');
  const flag = nibbleAt(digits, 0);
  if (flag > 3 || ((flag & 1) === 0 && digits[1] !== '0')) throw invalid('a wrong path prefix');
  const nibbles = digits.slice(2 - (flag & 1));
  if (flag >= 2) {
    if (typeof item !== 'string' || item === '') throw invalid('a leaf without a value');
    return new LeafNode(nibbles, item);
  }
  const child = asChild(item);
  if (child === null || nibbles === '') throw invalid('an empty extension');
  if (typeof child !== 'string' && child.kind !== 'branch') throw invalid('an extension must lead to a branch');
  return new ExtensionNode(nibbles, child);
}
