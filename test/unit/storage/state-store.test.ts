import { describe, expect, it } from 'vitest';
import { keccak256 } from '../../../src/crypto/keccak.ts';
import type { StateChanges } from '../../../src/ports/state.ts';
import { EMPTY_ACCOUNT, EMPTY_CODE_HASH } from '../../../src/types/account.ts';
import { ZERO_HASH, type Address, type Bytes, type Hash } from '../../../src/types/primitives.ts';
import { fromHex } from '../../../src/util/hex.ts';
import { Rng } from '../../../src/util/rng.ts';
import { keyOf } from '../../../storage/keyspace.ts';
import { MemoryStore } from '../../../storage/memory.ts';
import { LevelStateStore } from '../../../storage/state-store.ts';

const address = (n: number): Address => `0x${n.toString(16).padStart(40, '0')}`;
const hash = (n: number): Hash => `0x${n.toString(16).padStart(64, '0')}`;
const changes = (part: Partial<StateChanges>): StateChanges => ({
  accounts: new Map(),
  storage: new Map(),
  codes: new Map(),
  nodes: [],
  ...part,
});

class CountingStore extends MemoryStore {
  gets = 0;
  override get(key: Bytes): Bytes | undefined {
    this.gets++;
    return super.get(key);
  }
}

describe('LevelStateStore', () => {
  it('reads back what its operations write, and nothing before', async () => {
    const kv = new MemoryStore();
    const store = new LevelStateStore(kv);
    const account = { ...EMPTY_ACCOUNT, nonce: 3, balance: 2n ** 200n };
    const code = Buffer.from('code');
    const rlp = Buffer.from('node');
    const written = changes({
      accounts: new Map([[address(1), account]]),
      storage: new Map([[address(1), new Map([[hash(1), hash(9)]])]]),
      codes: new Map([[keccak256(code), code]]),
      nodes: [{ hash: fromHex(keccak256(rlp)), rlp }],
    });
    const ops = store.ops(written);
    expect(kv.size).toBe(0);
    expect(store.account(address(1))).toBeUndefined();
    await kv.batch(ops, { sync: true });
    store.applied(written);
    for (const reader of [store, new LevelStateStore(kv)]) {
      expect(reader.account(address(1))).toEqual(account);
      expect(reader.storage(address(1), hash(1))).toBe(hash(9));
      expect(reader.storage(address(1), hash(2))).toBe(ZERO_HASH);
      expect(reader.code(keccak256(code))).toEqual(code);
      expect(reader.code(hash(5))).toBeUndefined();
      expect(reader.code(EMPTY_CODE_HASH)).toEqual(new Uint8Array(0));
      expect(reader.node(keccak256(rlp))).toEqual(rlp);
      expect(reader.node(hash(5))).toBeUndefined();
    }
    const removed = changes({
      accounts: new Map([[address(1), null]]),
      storage: new Map([[address(1), new Map([[hash(1), ZERO_HASH]])]]),
    });
    await kv.batch(store.ops(removed), { sync: true });
    store.applied(removed);
    expect(store.account(address(1))).toBeUndefined();
    expect(store.storage(address(1), hash(1))).toBe(ZERO_HASH);
    expect(kv.size).toBe(2);
  });

  it('remembers accounts in use, absent ones too, up to its limit', () => {
    const kv = new CountingStore();
    const store = new LevelStateStore(kv, { accountCacheEntriesMax: 4 });
    for (const n of [1, 2, 1, 2, 3, 1, 4, 1]) store.account(address(n));
    expect(kv.gets).toBe(4);
    // 1 was used all the time, 2 was not.
    store.account(address(1));
    expect(kv.gets).toBe(4);
    store.account(address(2));
    expect(kv.gets).toBe(5);
  });

  it('never gives an account from before the last changes', async () => {
    const kv = new MemoryStore();
    const store = new LevelStateStore(kv, { accountCacheEntriesMax: 6 });
    const rng = new Rng(1);
    for (let nonce = 1; nonce < 200; nonce++) {
      for (let i = 0; i < rng.between(0, 5); i++) store.account(address(rng.between(1, 8)));
      const changed = address(rng.between(1, 8));
      const written = changes({ accounts: new Map([[changed, { ...EMPTY_ACCOUNT, nonce }]]) });
      await kv.batch(store.ops(written), { sync: true });
      store.applied(written);
      for (let i = 0; i < rng.between(0, 5); i++) store.account(address(rng.between(1, 8)));
      expect(store.account(changed)?.nonce).toBe(nonce);
    }
  });

  it('says which account is damaged', async () => {
    const kv = new MemoryStore();
    await kv.batch([{ key: keyOf('account', fromHex(address(1))), value: Uint8Array.of(1) }], { sync: true });
    const damaged = expect.objectContaining({ code: 'STATE_DAMAGED', data: { address: address(1) } });
    expect(() => new LevelStateStore(kv).account(address(1))).toThrow(damaged);
  });
});
