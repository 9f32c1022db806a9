import { encodeHeader, sealHash } from '../../src/codec/block.ts';
import { messageDigest } from '../../src/codec/message.ts';
import { keccak256 } from '../../src/crypto/keccak.ts';
import { sha256 } from '../../src/crypto/sha256.ts';
import type { EngineCrypto } from '../../consensus/api/engine.ts';
import type { UnsealedHeader, Header } from '../../src/types/block.ts';
import { EMPTY_ROOT } from '../../src/types/account.ts';
import { ZERO_HASH, type Address, type Bytes, type Hash, type Signature } from '../../src/types/primitives.ts';
import { bytesEqual, fromHex, toHex } from '../../src/util/hex.ts';

/** The parts of the bench rig that are not about hosting: signatures, headers, and a queue of things to come. */

/** Signatures that cost nothing: the signer's address and the digest, in the clear. Nobody in a rig forges. */
export function fakeSign(digest: Hash, signer: Address): Signature {
  const signature = new Uint8Array(65);
  signature.set(fromHex(signer), 0);
  signature.set(fromHex(digest), 20);
  return signature;
}

export function fakeCrypto(context: { chainId: number; shard: number; engineId: string }): EngineCrypto {
  return {
    keccak256,
    sha256,
    recover: (digest, signature) => {
      if (signature.length !== 65) return null;
      if (!bytesEqual(signature.subarray(20, 52), fromHex(digest))) return null;
      return toHex(signature.subarray(0, 20));
    },
    headerHash: (header) => keccak256(encodeHeader(header)),
    sealHash: (header) => sealHash(header),
    messageDigest: (payload) => messageDigest({ ...context, genesisHash: ZERO_HASH }, payload),
  };
}

/** 20 bytes that begin with the number, so that indexes and addresses sort alike. */
export function rigAddress(index: number): Address {
  return toHex(Buffer.concat([Buffer.from([index + 1]), Buffer.alloc(19, 0xaa)]));
}

export function rigHeader(fields: Partial<UnsealedHeader> & { number: number; timeMs: number }): UnsealedHeader {
  return {
    parentHash: ZERO_HASH,
    beneficiary: rigAddress(0),
    stateRoot: ZERO_HASH,
    transactionsRoot: EMPTY_ROOT,
    receiptsRoot: EMPTY_ROOT,
    logsBloom: `0x${'00'.repeat(256)}`,
    gasLimit: 30_000_000,
    gasUsed: 0,
    baseFeePerGas: 0n,
    consensusRoot: ZERO_HASH,
    extra: new Uint8Array(0),
    ...fields,
  };
}

/** A nonce that fits, 4 bytes, and how many were tried; null after `triesMax`. */
export function findNonce(
  data: Bytes,
  target: bigint,
  from: number,
  triesMax = 2 ** 20,
): { readonly nonce: Bytes | null; readonly tries: number } {
  const work = Buffer.from(data);
  for (let tries = 1; tries <= triesMax; tries++) {
    work.writeUInt32LE((from + tries) >>> 0, 76);
    const hash = sha256(sha256(work));
    if (BigInt(toHex(Uint8Array.from(hash).reverse())) <= target) return { nonce: work.subarray(76), tries };
  }
  return { nonce: null, tries: triesMax };
}

export function sealed(header: UnsealedHeader, seal: Bytes): Header {
  return { ...header, seal };
}

/** What is to happen, by time and then by order of arrival. */
export class Agenda {
  readonly #heap: { readonly at: number; readonly order: number; readonly act: () => void }[] = [];
  #order = 0;
  now: number;

  constructor(startMs: number) {
    this.now = startMs;
  }

  add(at: number, act: () => void): void {
    const heap = this.#heap;
    heap.push({ at: Math.max(at, this.now), order: this.#order++, act });
    for (let i = heap.length - 1; i > 0;) {
      const parent = (i - 1) >> 1;
      if (!this.#isBefore(i, parent)) break;
      this.#swap(i, parent);
      i = parent;
    }
  }

  /** Runs everything up to a moment; returns how many things happened. */
  runUntil(at: number): number {
    let count = 0;
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.at > at) break;
      this.#removeFirst();
      this.now = first.at;
      first.act();
      count++;
    }
    this.now = at;
    return count;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    for (let i = 0; ;) {
      const left = 2 * i + 1;
      let least = i;
      if (left < heap.length && this.#isBefore(left, least)) least = left;
      if (left + 1 < heap.length && this.#isBefore(left + 1, least)) least = left + 1;
      if (least === i) return;
      this.#swap(i, least);
      i = least;
    }
  }

  #isBefore(i: number, j: number): boolean {
    const [a, b] = [this.#heap[i], this.#heap[j]];
    if (a === undefined || b === undefined) return false;
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  #swap(i: number, j: number): void {
    const [a, b] = [this.#heap[i], this.#heap[j]];
    if (a === undefined || b === undefined) return;
    this.#heap[i] = b;
    this.#heap[j] = a;
  }
}
