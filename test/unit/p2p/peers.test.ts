import { expect, it } from 'vitest';
import { BAN_SCORE, Peers } from '../../../p2p/peers.ts';

function peersAt(options = {}): { peers: Peers; time: { now: number } } {
  const time = { now: 5_000 };
  return { peers: new Peers({ banMs: 600_000, forgiveMs: 6_000, ...options }, () => time.now), time };
}

it('weighs blame: minor 5, major 25, fatal a ban', () => {
  const { peers } = peersAt();
  expect(peers.blame('a', 'minor')).toBe(false);
  expect(peers.blame('a', 'major')).toBe(false);
  expect(peers.score('a')).toBe(-30);
  expect(peers.score('b')).toBe(0);
  expect(peers.blame('b', 'fatal')).toBe(true);
  expect(peers.score('b')).toBe(BAN_SCORE);
  expect(peers.isBanned('b')).toBe(true);
  expect(peers.isBanned('a')).toBe(false);
});

it('forgives a point per interval and never goes above 0', () => {
  const { peers, time } = peersAt();
  peers.blame('a', 'minor');
  time.now += 12_000;
  expect(peers.score('a')).toBe(-3);
  time.now += 60_000;
  expect(peers.score('a')).toBe(0);
  // Less than one interval between blames does not stop the healing.
  for (let i = 0; i < 20; i++) {
    peers.blame('b', 'minor');
    time.now += 3_000;
  }
  expect(peers.score('b')).toBe(-90);
});

it('ends a ban after its time, and leaves half the score', () => {
  const { peers, time } = peersAt();
  for (let i = 0; i < 4; i++) peers.blame('a', 'major');
  expect(peers.isBanned('a')).toBe(true);
  time.now += 599_999;
  expect(peers.isBanned('a')).toBe(true);
  // More blame neither shortens nor extends it.
  expect(peers.blame('a', 'minor')).toBe(true);
  time.now += 1;
  expect(peers.isBanned('a')).toBe(false);
  expect(peers.score('a')).toBe(-50);
  expect(peers.blame('a', 'major')).toBe(false);
  expect(peers.blame('a', 'major')).toBe(true);
});

it('is bounded, and forgets the banned last', () => {
  const { peers } = peersAt({ recordsMax: 3 });
  peers.blame('bad', 'fatal');
  for (let i = 0; i < 10; i++) peers.blame(`peer${i}`, 'minor');
  expect(peers.size).toBe(3);
  expect(peers.isBanned('bad')).toBe(true);
  expect(peers.score('peer0')).toBe(0);
  expect(peers.score('peer9')).toBe(-5);
  for (let i = 0; i < 10; i++) peers.blame(`worse${i}`, 'fatal');
  expect(peers.size).toBe(3);
});
