import { describe, expect, it } from 'vitest';
import { CatchUp } from '../../../../consensus/common/catch-up.ts';

const HOUR_MS = 3_600_000;

/** How much of the time a node is silent while a peer promises much and brings `count` blocks, one every `everyMs`. */
function silentShare(everyMs: number, count: number, retell: boolean): number {
  const catchUp = new CatchUp();
  let silent = 0;
  let ticks = 0;
  for (let block = 0; block < count; block++) {
    const at = HOUR_MS + block * everyMs;
    if (block === 0 || retell) catchUp.syncing(1000, at);
    catchUp.fetched(at);
    for (let now = at; now < at + everyMs; now += 100) {
      ticks++;
      if (catchUp.isLagging(now)) silent++;
    }
    if (retell) catchUp.syncing(0, at + everyMs - 1);
  }
  return silent / ticks;
}

describe('a node that is told to be behind', () => {
  it('keeps silent, and not for ever when no block comes', () => {
    const catchUp = new CatchUp();
    expect(catchUp.syncing(4, 0)).toEqual([]);
    expect(catchUp.isLagging(0)).toBe(false);
    const [timer] = catchUp.syncing(5, 0);
    expect(catchUp.isLagging(0)).toBe(true);
    if (timer?.type !== 'timer') throw new Error('a timer ends the silence');
    expect(catchUp.isLagging(timer.at - 1)).toBe(true);
    expect(catchUp.isLagging(timer.at)).toBe(false);
    expect(catchUp.syncing(5, timer.at)).toEqual([]);
  });

  it('is silent all the time while blocks come in numbers, and speaks when they are there', () => {
    expect(silentShare(50, 4000, false)).toBe(1);
    const catchUp = new CatchUp();
    catchUp.syncing(100, 0);
    catchUp.fetched(10);
    catchUp.syncing(0, 20);
    expect(catchUp.isLagging(20)).toBe(false);
  });

  it.each([false, true])('is not silenced by a peer that brings a block now and then (told anew: %s)', (retell) => {
    expect(silentShare(9_500, 100, retell)).toBeLessThan(0.2);
  });

  it('is not moved by a clock that goes back', () => {
    const catchUp = new CatchUp();
    catchUp.syncing(100, HOUR_MS);
    catchUp.fetched(0);
    catchUp.syncing(0, 0);
    expect(catchUp.isLagging(HOUR_MS)).toBe(false);
  });
});
