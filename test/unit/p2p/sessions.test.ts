import { expect, it } from 'vitest';
import { Sessions } from '../../../p2p/sessions.ts';
import { ManualTime } from './manual-time.ts';

function setup(): { time: ManualTime; sessions: Sessions; told: string[]; hearing: Set<string> } {
  const time = new ManualTime();
  const told: string[] = [];
  const hearing = new Set<string>();
  const sessions = new Sessions({
    timers: time,
    hears: (peer) => hearing.has(peer),
    opened: ({ peer, direction }) => void told.push(`opened ${peer} ${direction}`),
    closed: ({ peer }) => void told.push(`closed ${peer}`),
    failed: ({ peer }) => void told.push(`failed ${peer}`),
  });
  return { time, sessions, told, hearing };
}

it('tells of a peer when it speaks our protocols and hears our gossip, not before', async () => {
  const { time, sessions, told, hearing } = setup();
  sessions.open('p', 'inbound');
  hearing.add('p');
  sessions.check('p');
  expect(told).toEqual([]);
  hearing.delete('p');
  const ready = sessions.whenReady('p');
  sessions.speaks('p');
  await time.advance(50);
  expect(told).toEqual([]);
  hearing.add('p');
  await time.advance(50);
  expect(told).toEqual(['opened p inbound']);
  expect(await ready).toBe(true);
  expect(sessions.isReady('p')).toBe(true);
  sessions.speaks('p');
  sessions.check('p');
  await time.advance(60_000);
  expect(told.length).toBe(1);
  expect(time.pending).toBe(0);
  sessions.close('p');
  sessions.close('p');
  expect(told).toEqual(['opened p inbound', 'closed p']);
});

it('gives up on a peer in time', async () => {
  const { time, sessions, told } = setup();
  sessions.open('p', 'outbound');
  const ready = sessions.whenReady('p');
  await time.advance(6_000);
  expect(told).toEqual(['failed p']);
  expect(await ready).toBe(false);
});

it('says nothing of a peer that went before it was ready', async () => {
  const { time, sessions, told } = setup();
  sessions.open('p', 'outbound');
  const ready = sessions.whenReady('p');
  sessions.speaks('p');
  sessions.close('p');
  await time.advance(60_000);
  expect(await ready).toBe(false);
  expect(await sessions.whenReady('p')).toBe(false);
  expect(told).toEqual([]);
  expect(time.pending).toBe(0);
});
