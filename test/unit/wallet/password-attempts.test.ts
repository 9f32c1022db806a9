import { expect, it } from 'vitest';
import { PasswordAttempts } from '../../../src/wallet/password-attempts.ts';
import { ManualTime } from '../mempool/manual-time.ts';
import { address } from './fixture.ts';

const [alice, bob] = [address(0), address(1)];
const paused = expect.objectContaining({ code: 'ACCOUNT_PAUSED' });

it('pauses longer with every wrong password after the fifth, for this account alone, until a right one', () => {
  const time = new ManualTime();
  const attempts = new PasswordAttempts({ clock: time });
  for (let i = 0; i < 5; i++) {
    attempts.check(alice);
    attempts.failed(alice);
  }
  for (const pauseMs of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
    time.advance(pauseMs - 1);
    expect(() => attempts.check(alice)).toThrow(paused);
    attempts.check(bob);
    time.advance(1);
    attempts.check(alice);
    attempts.failed(alice);
  }
  attempts.succeeded(alice);
  attempts.failed(alice);
  attempts.check(alice);
});

it('waits no longer when the clock jumps back', () => {
  const time = new ManualTime();
  const attempts = new PasswordAttempts({ clock: time });
  for (let i = 0; i < 5; i++) attempts.failed(alice);
  time.advance(-86_400_000);
  expect(() => attempts.check(alice)).toThrow(expect.objectContaining({ data: { address: alice, waitMs: 1_000 } }));
});
