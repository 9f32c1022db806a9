import { describe, expect, it } from 'vitest';
import { EPOCH_MS, ProcessTime, SimClock } from './clock.ts';

describe('SimClock', () => {
  it('runs events by time, then in the order of being asked for', async () => {
    const clock = new SimClock();
    const seen: string[] = [];
    for (const [delayMs, name] of [
      [5, 'c'],
      [2, 'a'],
      [5, 'd'],
      [2, 'b'],
      [9, 'e'],
    ] as const) {
      clock.after(delayMs, () => seen.push(`${name}${clock.elapsedMs}`));
    }
    await clock.runUntil(EPOCH_MS + 5);
    expect(seen).toEqual(['a2', 'b2', 'c5', 'd5']);
    expect(clock.pending).toBe(1);
    expect(clock.now()).toBe(EPOCH_MS + 5);
  });

  it('lets all promises settle between two events, however many there are in a row', async () => {
    const clock = new SimClock();
    const seen: string[] = [];
    const slowly = async (name: string): Promise<void> => {
      for (let i = 0; i < 100; i++) await Promise.resolve();
      seen.push(name);
    };
    clock.after(1, () => void slowly('first'));
    clock.after(1, () => seen.push('second'));
    await clock.runFor(1);
    expect(seen).toEqual(['first', 'second']);
  });

  it('does not run what was cancelled, also by an event of the same time', async () => {
    const clock = new SimClock();
    const seen: string[] = [];
    clock.after(1, () => handle.cancel());
    const handle = clock.after(1, () => seen.push('cancelled'));
    await clock.runFor(10);
    handle.cancel();
    expect(seen).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});

describe('ProcessTime', () => {
  it('reads a wrong clock, and measures durations rightly when it jumps', async () => {
    const clock = new SimClock();
    const time = new ProcessTime(clock, 300);
    let firedAt = 0;
    time.after(10, () => (firedAt = clock.elapsedMs));
    time.setOffset(-5_000);
    await clock.runFor(20);
    expect(firedAt).toBe(10);
    expect(time.now()).toBe(clock.now() - 5_000);
  });

  it('holds back what enters during a pause, in order, and lets nothing into the dead', async () => {
    const clock = new SimClock();
    const time = new ProcessTime(clock, 0);
    const seen: string[] = [];
    time.pause();
    time.after(1, () => {
      seen.push('first');
      handle.cancel();
    });
    const handle = time.after(2, () => seen.push('cancelled'));
    time.after(3, () => seen.push('third'));
    await clock.runFor(10);
    expect(seen).toEqual([]);
    time.resume();
    await clock.runFor(0);
    expect(seen).toEqual(['first', 'third']);
    time.after(1, () => seen.push('dead'));
    time.die();
    await clock.runFor(10);
    expect(seen).toEqual(['first', 'third']);
  });
});
