import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isEmptyAccount, StateOverlay } from '../../../src/state/overlay.ts';
import type { StateReader } from '../../../src/ports/state.ts';
import { EMPTY_ACCOUNT, EMPTY_CODE_HASH } from '../../../src/types/account.ts';
import { ZERO_HASH } from '../../../src/types/primitives.ts';
import { Rng } from '../../../src/util/rng.ts';
import { addressAt, codeHashOf, copyModel, type Model, read, readModel, slotAt, wordAt, write } from './state-model.ts';

const nothing: StateReader = {
  account: () => undefined,
  storage: () => ZERO_HASH,
  code: (hash) => (hash === EMPTY_CODE_HASH ? new Uint8Array(0) : undefined),
};
const alice = addressAt(1);
const bob = addressAt(2);

describe('StateOverlay', () => {
  it('agrees with a model through nested checkpoints', () => {
    const step = fc.constantFrom('write', 'write', 'write', 'checkpoint', 'revert', 'commit');
    fc.assert(
      fc.property(fc.nat(), fc.array(step, { minLength: 20, maxLength: 80 }), (seed, steps) => {
        const rng = new Rng(seed);
        const ground = new StateOverlay(nothing);
        let model: Model = new Map();
        for (let i = 0; i < 15; i++) write(rng, ground, model);
        const overlay = new StateOverlay(ground);
        const before = readModel(model);
        const saved: Model[] = [];
        for (const kind of steps) {
          if (kind === 'write') write(rng, overlay, model);
          if (kind === 'checkpoint') {
            overlay.checkpoint();
            saved.push(copyModel(model));
          }
          if (kind === 'revert' && saved.length > 0) {
            overlay.revert();
            model = saved.pop() as Model;
          }
          if (kind === 'commit' && saved.length > 0) {
            overlay.commit();
            saved.pop();
          }
          expect(read(overlay)).toEqual(readModel(model));
        }
        expect(read(ground)).toEqual(before);
      }),
    );
  });

  it('gives what was written as a diff that later writes leave alone', () => {
    const overlay = new StateOverlay(nothing);
    overlay.setAccount(alice, { ...EMPTY_ACCOUNT, balance: 5n });
    overlay.checkpoint();
    overlay.setAccount(bob, { ...EMPTY_ACCOUNT, balance: 7n });
    overlay.setStorage(bob, slotAt(1), wordAt(1));
    overlay.revert();
    overlay.setStorage(alice, slotAt(1), wordAt(2));
    const code = Buffer.from('code');
    expect(overlay.setCode(alice, code)).toBe(codeHashOf('code'));
    const diff = overlay.diff();
    overlay.setStorage(alice, slotAt(1), wordAt(3));
    overlay.deleteAccount(alice);
    expect(diff).toEqual({
      accounts: new Map([[alice, { ...EMPTY_ACCOUNT, balance: 5n, codeHash: codeHashOf('code') }]]),
      storage: new Map([[alice, new Map([[slotAt(1), wordAt(2)]])]]),
      cleared: new Set(),
      codes: new Map([[codeHashOf('code'), code]]),
    });
    expect(overlay.diff().accounts.get(alice)).toBeNull();
    expect(overlay.diff().cleared.has(alice)).toBe(true);
  });

  it('gives no bytes and no entry for empty code', () => {
    const overlay = new StateOverlay(nothing);
    expect(overlay.setCode(alice, new Uint8Array(0))).toBe(EMPTY_CODE_HASH);
    expect(overlay.code(EMPTY_CODE_HASH)).toEqual(new Uint8Array(0));
    expect(overlay.diff().codes.size).toBe(0);
  });

  it('knows empty accounts as EIP-161 does', () => {
    expect(isEmptyAccount(EMPTY_ACCOUNT)).toBe(true);
    expect(isEmptyAccount({ ...EMPTY_ACCOUNT, nonce: 1 })).toBe(false);
    expect(isEmptyAccount({ ...EMPTY_ACCOUNT, balance: 1n })).toBe(false);
    expect(isEmptyAccount({ ...EMPTY_ACCOUNT, codeHash: codeHashOf('x') })).toBe(false);
    const overlay = new StateOverlay(nothing);
    overlay.setAccount(alice, { ...EMPTY_ACCOUNT, balance: 1n });
    overlay.setAccount(bob, EMPTY_ACCOUNT);
    expect([alice, bob, addressAt(3)].map((address) => overlay.deleteIfEmpty(address))).toEqual([false, true, false]);
    expect(overlay.account(bob)).toBeUndefined();
  });

  it('refuses unbalanced use', () => {
    const overlay = new StateOverlay(nothing);
    expect(() => overlay.revert()).toThrow(/without a checkpoint/);
    expect(() => overlay.commit()).toThrow(/without a checkpoint/);
    overlay.checkpoint();
    expect(() => overlay.diff()).toThrow(/open checkpoint/);
  });
});
