import { expect, it } from 'vitest';
import { Dialer, peerIn } from '../../../p2p/dialer.ts';
import { silentLog } from '../../../src/util/log.ts';
import { ManualTime } from './manual-time.ts';

const ADDRESS = '/ip4/127.0.0.1/tcp/1/p2p/Qm5';

function setup(self = 'A'): {
  time: ManualTime;
  dialer: Dialer;
  attempts: number[];
  up: Set<string>;
  reachable: { yes: boolean };
} {
  const time = new ManualTime();
  const attempts: number[] = [];
  const up = new Set<string>();
  const reachable = { yes: false };
  const dialer = new Dialer({
    self,
    timers: time,
    log: silentLog,
    now: () => time.now(),
    connect: async () => {
      attempts.push(time.now());
      if (!reachable.yes) throw new Error('refused');
      up.add('Qm5');
      return 'Qm5';
    },
    isConnected: (peer) => up.has(peer),
  });
  return { time, dialer, attempts, up, reachable };
}

it('finds the peer id in an address', () => {
  expect(peerIn(ADDRESS)).toBe('Qm5');
  expect(peerIn('/ip4/127.0.0.1/tcp/1')).toBeNull();
});

it('tries eagerly at first, then with a growing, capped backoff', async () => {
  const { time, dialer, attempts } = setup();
  dialer.add(ADDRESS);
  dialer.add(ADDRESS);
  await time.advance(1_000);
  expect(attempts.length).toBeGreaterThanOrEqual(8);
  await time.advance(600_000);
  const gaps = attempts.slice(1).map((at, i) => at - (attempts[i] ?? 0));
  expect(Math.max(...gaps)).toBeLessThanOrEqual(18_001);
  expect(gaps.slice(-5).every((gap) => gap >= 15_000)).toBe(true);
  dialer.stop();
  const { length } = attempts;
  await time.advance(600_000);
  expect(attempts.length).toBe(length);
  expect(time.pending).toBe(0);
});

it('stops when connected and starts again when the peer is lost', async () => {
  const { time, dialer, attempts, up, reachable } = setup();
  reachable.yes = true;
  dialer.add(ADDRESS);
  await time.advance(60_000);
  expect(attempts).toEqual([0]);
  up.delete('Qm5');
  dialer.lost('Qm5');
  dialer.lost('somebody else');
  await time.advance(60_000);
  expect(attempts.length).toBe(2);
});

it('leaves the first word to the smaller id, lest both dial', async () => {
  const { time, dialer, attempts, up, reachable } = setup('Zz');
  reachable.yes = true;
  dialer.add(ADDRESS);
  await time.advance(200);
  expect(attempts).toEqual([]);
  up.add('Qm5');
  await time.advance(60_000);
  expect(attempts).toEqual([]);
});

it('ignores its own address, and is bounded', async () => {
  const { time, dialer, attempts } = setup('Qm5');
  dialer.add(ADDRESS);
  await time.advance(1_000);
  expect(attempts).toEqual([]);
  for (let i = 0; i < 256; i++) dialer.add(`/ip4/127.0.0.1/tcp/${i}`);
  expect(() => dialer.add('/ip4/127.0.0.1/tcp/999')).toThrowError(
    expect.objectContaining({ code: 'NETWORK_ADDRESS' }) as Error,
  );
  dialer.stop();
});

it('lets a caller wait for one attempt, and goes on by itself', async () => {
  const { time, dialer, attempts, reachable, up } = setup();
  await expect(dialer.dial(ADDRESS)).rejects.toThrowError('refused');
  reachable.yes = true;
  await time.advance(1_000);
  expect(up.has('Qm5')).toBe(true);
  const { length } = attempts;
  await dialer.dial(ADDRESS);
  expect(attempts.length).toBe(length);
});

it('tries at once again what was out of reach for long, when it is told to', async () => {
  const { time, dialer, attempts, up, reachable } = setup();
  dialer.add(ADDRESS);
  await time.advance(600_000);
  reachable.yes = true;
  const { length } = attempts;
  dialer.retry();
  await time.advance(200);
  expect(attempts.length).toBe(length + 1);
  expect(up).toEqual(new Set(['Qm5']));
  dialer.retry();
  await time.advance(60_000);
  expect(attempts.length).toBe(length + 1);
});
