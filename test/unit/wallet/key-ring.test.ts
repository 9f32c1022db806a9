import { describe, expect, it } from 'vitest';
import type { Bytes } from '../../../src/types/primitives.ts';
import { errorCode } from '../../../src/util/errors.ts';
import { KeyRing, UNLOCK_MS_MAX } from '../../../src/wallet/key-ring.ts';
import { ManualTime } from '../mempool/manual-time.ts';
import { address, key } from './fixture.ts';

const [alice, bob] = [address(0), address(1)];

function ringOf(keysMax = 10): { ring: KeyRing; time: ManualTime } {
  const time = new ManualTime();
  return { ring: new KeyRing({ keysMax }, { clock: time, timers: time }), time };
}

/** Whether the ring signs for alice. */
function signs(ring: KeyRing): boolean {
  try {
    return ring.use(alice, (privateKey) => privateKey.length === 32);
  } catch (error) {
    expect(errorCode(error)).toBe('ACCOUNT_LOCKED');
    return false;
  }
}

const isErased = (bytes: Bytes): boolean => bytes.every((byte) => byte === 0);

describe('KeyRing', () => {
  it('lends a key until its time is over, and then overwrites it', () => {
    const { ring, time } = ringOf();
    const privateKey = key(0);
    ring.unlock(alice, privateKey, 5_000);
    expect(ring.unlocked(alice)).toEqual({ untilMs: time.now() + 5_000 });
    time.advance(4_999);
    expect(signs(ring)).toBe(true);
    time.advance(1);
    expect(isErased(privateKey)).toBe(true);
    expect(signs(ring)).toBe(false);
    expect(ring.unlocked(alice)).toBeNull();
    expect(time.pending).toBe(0);
  });

  it('keeps a key without a time until it is locked', () => {
    const { ring, time } = ringOf();
    const privateKey = key(0);
    ring.unlock(alice, privateKey, null);
    time.advance(UNLOCK_MS_MAX * 2);
    expect(ring.unlocked(alice)).toEqual({ untilMs: null });
    expect(signs(ring)).toBe(true);
    expect(ring.lock(alice)).toBe(true);
    expect(isErased(privateKey)).toBe(true);
    expect(signs(ring)).toBe(false);
    expect(ring.lock(alice)).toBe(false);
  });

  it('takes the newest word, longer or shorter, and forgets the timer of the older', () => {
    const { ring, time } = ringOf();
    const [first, second] = [key(0), key(0)];
    ring.unlock(alice, first, 1_000);
    ring.unlock(alice, second, 3_000);
    expect(isErased(first)).toBe(true);
    time.advance(2_000);
    expect(signs(ring)).toBe(true);
    ring.unlock(alice, key(0), 500);
    time.advance(500);
    expect(signs(ring)).toBe(false);
  });

  it('is locked when the clock has gone on though no timer ran', () => {
    const time = new ManualTime();
    const ring = new KeyRing({ keysMax: 1 }, { clock: time, timers: { after: () => ({ cancel: () => {} }) } });
    const privateKey = key(0);
    ring.unlock(alice, privateKey, 1_000);
    time.advance(1_000);
    expect(signs(ring)).toBe(false);
    expect(isErased(privateKey)).toBe(true);
  });

  it('knows accounts apart, and locks all of them', () => {
    const { ring } = ringOf();
    const keys = [key(0), key(1)];
    ring.unlock(alice, keys[0] ?? key(0), null);
    ring.unlock(bob, keys[1] ?? key(1), 1_000);
    expect(ring.use(bob, (privateKey) => privateKey[31])).toBe(2);
    ring.lockAll();
    expect(keys.every(isErased)).toBe(true);
    expect([ring.unlocked(alice), ring.unlocked(bob)]).toEqual([null, null]);
  });

  it('is bounded', () => {
    const { ring } = ringOf(1);
    ring.unlock(alice, key(0), null);
    const tooMany = key(1);
    expect(() => ring.unlock(bob, tooMany, null)).toThrow(expect.objectContaining({ code: 'WALLET_FULL' }));
    expect(isErased(tooMany)).toBe(true);
    ring.unlock(alice, key(0), 1_000);
    expect(signs(ring)).toBe(true);
  });
});
