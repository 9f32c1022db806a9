import { describe, expect, it } from 'vitest';
import type { Guard } from '../../../consensus/api/effect.ts';
import { signDigest } from '../../../src/crypto/secp256k1.ts';
import type { GuardStore } from '../../../src/ports/stores.ts';
import type { Hash } from '../../../src/types/primitives.ts';
import { LocalSigner } from '../../../src/wallet/local-signer.ts';
import { MapStore } from './map-store.ts';

const KEY = Buffer.from('ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80', 'hex');
const GENESIS: Hash = `0x${'11'.repeat(32)}`;
const digest = (byte: string): Hash => `0x${byte.repeat(32)}`;
const [A, B] = [digest('aa'), digest('bb')];

const signer = (store: GuardStore, genesisHash = GENESIS): LocalSigner =>
  new LocalSigner({ privateKey: KEY, genesisHash }, { store });
const once = (height: number, round = 0, step = 0, domain = 'seal'): Guard => ({
  kind: 'once',
  domain,
  height,
  round,
  step,
});
const ffg = (source: number, target: number): Guard => ({ kind: 'ffg', source, target });
const bft = (height: number, round: number, step: number, lock: number | null = null): Guard => ({
  kind: 'bft',
  height,
  round,
  step,
  lock,
});
const refusal = { code: 'GUARD_REFUSED' };

describe('the guard of one place at a time', () => {
  it('lets places only move forward', async () => {
    const guarded = signer(new MapStore());
    await guarded.sign(A, once(5, 1, 1));
    for (const back of [once(4, 9, 9), once(5, 0, 9), once(5, 1, 0)]) {
      await expect(guarded.sign(B, back)).rejects.toMatchObject(refusal);
    }
    for (const on of [once(5, 1, 2), once(5, 2, 0), once(6)]) await guarded.sign(B, on);
  });

  it('gives the same signature for the same place and words, and none for other words', async () => {
    const guarded = signer(new MapStore());
    const first = await guarded.sign(A, once(5));
    expect(await guarded.sign(A, once(5))).toEqual(first);
    expect(first).toEqual(signDigest(A, KEY));
    await expect(guarded.sign(B, once(5))).rejects.toMatchObject(refusal);
  });

  it('refuses the second of two requests made at once', async () => {
    const guarded = signer(new MapStore());
    const results = await Promise.allSettled([guarded.sign(A, once(7)), guarded.sign(B, once(7))]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });

  it('has written before it signs, and remembers over a restart', async () => {
    const store = new MapStore();
    await signer(store).sign(A, once(9));
    expect(store.writes).toHaveLength(1);
    await expect(signer(store).sign(B, once(9))).rejects.toMatchObject(refusal);
    await expect(signer(store).sign(B, once(8))).rejects.toMatchObject(refusal);
  });

  it('does not sign when its memory can not be written', async () => {
    const store = new MapStore();
    store.put = () => Promise.reject(new Error('disk full'));
    await expect(signer(store).sign(A, once(1))).rejects.toThrow('disk full');
    store.put = MapStore.prototype.put.bind(store);
    await signer(store).sign(A, once(1));
  });

  it('refuses to sign over damaged memory', async () => {
    const store = new MapStore();
    await signer(store).sign(A, once(1));
    for (const key of store.entries.keys()) store.entries.set(key, Buffer.from('{"kind":"once","height":'));
    await expect(signer(store).sign(A, once(2))).rejects.toMatchObject({ code: 'GUARD_DAMAGED' });
  });

  it('keeps domains and chains apart', async () => {
    const store = new MapStore();
    await signer(store).sign(A, once(9));
    await signer(store).sign(B, once(3, 0, 0, 'vote'));
    await signer(store, `0x${'22'.repeat(32)}`).sign(B, once(1));
  });
});

describe('the guard of finality votes', () => {
  it('refuses a second vote for a target, and votes around or inside others', async () => {
    const guarded = signer(new MapStore());
    await guarded.sign(A, ffg(2, 5));
    for (const bad of [ffg(2, 5), ffg(3, 5), ffg(1, 6), ffg(3, 4), ffg(2, 3)]) {
      await expect(guarded.sign(B, bad)).rejects.toMatchObject(refusal);
    }
    expect(await guarded.sign(A, ffg(2, 5))).toEqual(signDigest(A, KEY));
    await guarded.sign(B, ffg(2, 6));
    await guarded.sign(A, ffg(5, 7));
  });

  it('refuses what makes no sense, and remembers nothing of it', async () => {
    const store = new MapStore();
    for (const bad of [ffg(3, 2), ffg(-1, 2), ffg(0.5, 2), ffg(0, 2 ** 53)]) {
      await expect(signer(store).sign(A, bad)).rejects.toMatchObject(refusal);
    }
    expect(store.entries.size).toBe(0);
  });
});

describe('the guard of blocks by slot', () => {
  const slot = (height: number): Guard => once(height, 0, 0, 'slot');

  it('gives one block for a slot, and slots only move forward', async () => {
    const guarded = signer(new MapStore());
    const first = await guarded.sign(A, slot(7));
    expect(await guarded.sign(A, slot(7))).toEqual(first);
    for (const bad of [slot(7), slot(6), once(7, 1, 0, 'slot'), once(8, 0, 1, 'slot'), slot(-1)]) {
      await expect(guarded.sign(B, bad)).rejects.toMatchObject(refusal);
    }
    await guarded.sign(B, slot(8));
  });
});

describe('the guard of round-based votes', () => {
  it('lets places only move forward, and gives the same words again', async () => {
    const guarded = signer(new MapStore());
    const first = await guarded.sign(A, bft(5, 1, 1));
    expect(await guarded.sign(A, bft(5, 1, 1))).toEqual(first);
    for (const back of [bft(5, 1, 1), bft(5, 1, 0), bft(5, 0, 9), bft(4, 9, 9)]) {
      await expect(guarded.sign(B, back)).rejects.toMatchObject(refusal);
    }
    for (const on of [bft(5, 1, 2), bft(5, 2, 0), bft(6, 0, 0)]) await guarded.sign(B, on);
  });

  it('does not let who has committed claim at that height to have prepared less', async () => {
    const guarded = signer(new MapStore());
    await guarded.sign(A, bft(5, 1, 3, 1));
    for (const less of [-1, 0]) {
      await expect(guarded.sign(B, bft(5, 2, 0, less))).rejects.toMatchObject(refusal);
    }
    // What says nothing of it changes nothing.
    await guarded.sign(B, bft(5, 2, 2));
    await expect(guarded.sign(B, bft(5, 3, 0, 0))).rejects.toMatchObject(refusal);
    await guarded.sign(B, bft(5, 3, 0, 1));
    await guarded.sign(B, bft(5, 3, 3, 3));
    await expect(guarded.sign(B, bft(5, 4, 0, 1))).rejects.toMatchObject(refusal);
    // Another height is another matter.
    await guarded.sign(B, bft(6, 1, 0, -1));
  });
});
