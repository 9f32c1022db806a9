import { createMerkleProof, MerklePatriciaTrie, verifyMerkleProof } from '@ethereumjs/mpt';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeRlp } from '../../../src/codec/rlp.ts';
import { keccak256, keccak256Bytes } from '../../../src/crypto/keccak.ts';
import { ArchiveReader } from '../../../src/state/archive-reader.ts';
import { StateBase } from '../../../src/state/base.ts';
import type { StateLayer } from '../../../src/state/layer.ts';
import { orderedKey, orderedTrie } from '../../../src/state/ordered-root.ts';
import { StateOverlay } from '../../../src/state/overlay.ts';
import {
  PROOF_NODES_MAX,
  PROOF_SIZE_BYTES_MAX,
  PROOF_SLOTS_MAX,
  proveAccount,
  verifyAccountProof,
  verifyProof,
  verifyStorageProof,
} from '../../../src/state/proof.ts';
import { Trie } from '../../../src/state/trie.ts';
import { EMPTY_ACCOUNT, EMPTY_CODE_HASH, EMPTY_ROOT } from '../../../src/types/account.ts';
import { ZERO_HASH, type Bytes } from '../../../src/types/primitives.ts';
import { CodecError } from '../../../src/util/errors.ts';
import { bytesEqual, fromHex, toHex } from '../../../src/util/hex.ts';
import { MemoryStore } from '../../../storage/memory.ts';
import { LevelStateStore } from '../../../storage/state-store.ts';
import { addressAt, slotAt, wordAt } from './state-model.ts';

const secure = (n: number): Bytes => keccak256Bytes(Uint8Array.of(n >> 8, n & 0xff));
const bytes = (...values: number[]): Bytes => Uint8Array.from(values);

describe('proofs of a trie', () => {
  it('are those of @ethereumjs/mpt, for what is there and what is not', async () => {
    const oracle = new MerklePatriciaTrie();
    const entries = Array.from({ length: 150 }, (_, i) => ({ key: secure(i), value: Buffer.from(`value ${i}`) }));
    for (const { key, value } of entries) await oracle.put(key, value);
    const trie = Trie.empty(() => undefined).update(entries);
    for (let i = 0; i < 300; i += 7) {
      const proof = trie.prove(secure(i));
      expect(proof.map(toHex)).toEqual((await createMerkleProof(oracle, secure(i))).map(toHex));
      const value = verifyProof(trie.root, secure(i), proof);
      expect(value).toEqual(i < 150 ? Buffer.from(`value ${i}`) : null);
      // The oracle has a root of its own to compare with.
      expect(await verifyMerkleProof(secure(i), proof, { root: fromHex(trie.root) })).toEqual(
        value && new Uint8Array(value),
      );
    }
  });

  it('show values and absence where nodes are embedded', () => {
    const key = fc.tuple(fc.constantFrom(0, 1, 0x10, 0x11), fc.constantFrom(0, 1, 2, 0x10)).map((key) => bytes(...key));
    const entry = fc.record({ key, value: fc.uint8Array({ minLength: 1, maxLength: 4 }) });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 12 }), key, (entries, wanted) => {
        const trie = Trie.empty(() => undefined).update(entries);
        const value = entries.findLast((candidate) => bytesEqual(candidate.key, wanted))?.value;
        expect(verifyProof(trie.root, wanted, trie.prove(wanted))).toEqual(
          value === undefined ? null : Buffer.from(value),
        );
      }),
    );
  });

  it('of a list show an item', () => {
    const items = Array.from({ length: 200 }, (_, i) => new Uint8Array(1 + i * 3).fill(i + 1));
    const trie = orderedTrie(items);
    for (const index of [0, 1, 127, 128, 199]) {
      const key = orderedKey(index);
      expect(verifyProof(trie.root, key, trie.prove(key))).toEqual(Buffer.from(items[index] as Bytes));
    }
    expect(verifyProof(trie.root, orderedKey(200), trie.prove(orderedKey(200)))).toBeNull();
  });
});

describe('verifyProof', () => {
  const entries = Array.from({ length: 60 }, (_, i) => ({ key: secure(i), value: bytes(1, i) }));
  const trie = Trie.empty(() => undefined).update(entries);

  it('accepts nothing but the proof itself', () => {
    const key = secure(5);
    const proof = trie.prove(key);
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), (which, where, change) => {
        const forged = proof.map((node) => new Uint8Array(node));
        const node = forged[which % forged.length] as Uint8Array;
        node[where % node.length] = (node[where % node.length] as number) ^ change;
        expect(() => verifyProof(trie.root, key, forged)).toThrow(CodecError);
      }),
    );
    const broken = [[], proof.slice(1), proof.slice(0, -1), [...proof, ...proof.slice(-1)], [...proof].reverse()];
    for (const forged of broken) expect(() => verifyProof(trie.root, key, forged)).toThrow(CodecError);
    expect(() => verifyProof(toHex(secure(1)), key, proof)).toThrow(CodecError);
    // Another key's proof may lead nowhere, but never to a value.
    expect(() => verifyProof(trie.root, secure(6), proof)).toThrow(CodecError);
  });

  it('throws only CodecError, even under a root that the sender chose', () => {
    const nested = (depth: number): Bytes => {
      let list: Bytes = bytes(0xc0);
      for (let i = 0; i < depth; i++) list = encodeRlpRaw(list);
      return list;
    };
    const hostile: Bytes[] = [
      bytes(),
      bytes(0x80),
      bytes(0xc0),
      bytes(0xc1, 0xc0),
      nested(14),
      nested(40),
      nested(5_000),
      encodeRlp([bytes(0x20), bytes()]),
      encodeRlp([bytes(0x00), bytes(1)]),
      encodeRlp([bytes(0x40), bytes(1)]),
      encodeRlp([bytes(0x25), bytes(1)]),
      encodeRlp([[], bytes(1)]),
      encodeRlp([bytes(0x11), [bytes(0x11), [bytes(0x11), []]]]),
      encodeRlp([bytes(0x11), [bytes(0x31), new Uint8Array(40)]]),
      encodeRlp(Array.from({ length: 17 }, () => bytes())),
      encodeRlp(Array.from({ length: 17 }, () => new Uint8Array(32))),
      encodeRlp(Array.from({ length: 18 }, () => bytes())),
    ];
    for (const rlp of hostile) {
      for (const key of [secure(1), bytes(), bytes(1), new Uint8Array(33)]) {
        expect(() => verifyProof(keccak256(rlp), key, [rlp])).toThrow(CodecError);
      }
    }
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 4 }),
        fc.uint8Array({ maxLength: 32 }),
        (proof, key) => {
          const root = proof[0] === undefined ? EMPTY_ROOT : keccak256(proof[0]);
          const error = thrownBy(() => verifyProof(root, key, proof));
          expect(error === null || error instanceof CodecError).toBe(true);
        },
      ),
    );
  });

  it('does not follow a proof past the end of a short key', () => {
    const key = secure(5);
    expect(() => verifyProof(trie.root, bytes(), trie.prove(key).slice(0, 1))).toThrow(CodecError);
  });

  it('has limits', () => {
    const tooLarge = expect.objectContaining({ code: 'PROOF_TOO_LARGE' });
    const many = Array.from({ length: PROOF_NODES_MAX + 1 }, () => bytes(0xc0));
    expect(() => verifyProof(trie.root, secure(1), many)).toThrow(tooLarge);
    expect(() => verifyProof(trie.root, secure(1), [new Uint8Array(PROOF_SIZE_BYTES_MAX + 1)])).toThrow(tooLarge);
  });

  it('knows the empty trie', () => {
    expect(verifyProof(EMPTY_ROOT, secure(1), [])).toBeNull();
    expect(Trie.empty(() => undefined).prove(secure(1))).toEqual([]);
    expect(() => verifyProof(EMPTY_ROOT, secure(1), trie.prove(secure(1)))).toThrow(CodecError);
  });
});

describe('proveAccount (EIP-1186)', () => {
  const [alice, bob, nobody] = [addressAt(1), addressAt(2), addressAt(99)];
  let store: LevelStateStore;
  let older: StateLayer;
  let layer: StateLayer;

  beforeAll(async () => {
    const kv = new MemoryStore();
    store = new LevelStateStore(kv);
    const base = new StateBase(store);
    const genesis = new StateOverlay(base.finalized);
    for (let i = 1; i <= 20; i++) genesis.setAccount(addressAt(i), { ...EMPTY_ACCOUNT, nonce: i, balance: BigInt(i) });
    for (let i = 1; i <= 40; i++) genesis.setStorage(alice, slotAt(i), wordAt(i * 1000));
    older = base.finalized.child(genesis.diff());
    const { ops, commit } = base.prepareFinalize(older);
    await kv.batch(ops, { sync: true });
    commit();
    const overlay = new StateOverlay(older);
    overlay.setAccount(bob, { ...EMPTY_ACCOUNT, nonce: 7, balance: 10n ** 24n });
    overlay.setStorage(alice, slotAt(3), wordAt(0xffff));
    overlay.setStorage(alice, slotAt(4), ZERO_HASH);
    layer = older.child(overlay.diff());
  });

  it('proves accounts and slots of an unfinalized layer, and of an older root from the archive', () => {
    for (const state of [layer, older, new ArchiveReader(store, older.root)]) {
      for (const address of [alice, bob, nobody]) {
        const slots = [3, 4, 5, 77].map(slotAt);
        const proof = proveAccount(state, address, slots);
        const account = verifyAccountProof(state.root, address, proof.accountProof.map(fromHex));
        expect(account ?? undefined).toEqual(state.account(address));
        const { nonce, balance, storageRoot, codeHash } = account ?? EMPTY_ACCOUNT;
        expect(proof).toMatchObject({ address, nonce, balance, storageHash: storageRoot, codeHash });
        proof.storageProof.forEach(({ key, value, proof: nodes }, i) => {
          expect(key).toBe(slots[i]);
          const word = verifyStorageProof(storageRoot, key, nodes.map(fromHex));
          expect(word).toBe(state.storage(address, key));
          expect(value).toBe(BigInt(word));
        });
      }
    }
    expect(proveAccount(layer, alice, [slotAt(3)]).storageProof[0]?.value).toBe(0xffffn);
    expect(proveAccount(older, alice, [slotAt(3)]).storageProof[0]?.value).toBe(3000n);
    expect(proveAccount(layer, nobody, []).codeHash).toBe(EMPTY_CODE_HASH);
  });

  it('proves a finalized state that is no longer the last one', async () => {
    const kv = new MemoryStore();
    const base = new StateBase(new LevelStateStore(kv));
    const layers: StateLayer[] = [];
    for (const word of [1, 2, 3]) {
      const overlay = new StateOverlay(base.finalized);
      overlay.setAccount(alice, { ...EMPTY_ACCOUNT, nonce: word });
      overlay.setStorage(alice, slotAt(1), wordAt(word));
      const child = base.finalized.child(overlay.diff());
      const { ops, commit } = base.prepareFinalize(child);
      await kv.batch(ops, { sync: true });
      commit();
      layers.push(child);
    }
    const words = layers.map((state) => {
      const { storageHash, storageProof } = proveAccount(state, alice, [slotAt(1)]);
      return verifyStorageProof(storageHash, slotAt(1), storageProof[0]?.proof.map(fromHex) ?? []);
    });
    expect(words).toEqual([1, 2, 3].map(wordAt));
  });

  it('refuses too many slots', () => {
    const slots = Array.from({ length: PROOF_SLOTS_MAX + 1 }, (_, i) => slotAt(i));
    expect(() => proveAccount(layer, alice, slots)).toThrow(expect.objectContaining({ code: 'PROOF_TOO_LARGE' }));
  });
});

/** A list around bytes that are RLP already. */
function encodeRlpRaw(content: Bytes): Bytes {
  const header = content.length < 56 ? [0xc0 + content.length] : [0xf9, content.length >> 8, content.length & 0xff];
  if (content.length >= 56 && content.length < 256) header.splice(0, 3, 0xf8, content.length);
  return Uint8Array.from([...header, ...content]);
}

function thrownBy(call: () => unknown): unknown {
  try {
    call();
    return null;
  } catch (error) {
    return error;
  }
}
