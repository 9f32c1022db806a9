import { expect, it, vi } from 'vitest';
import { EventLoopLag } from '../../../rpc/event-loop-lag.ts';

it('is what the process was late by for two seconds on end', () => {
  vi.useFakeTimers();
  let isOn = false;
  const histogram = {
    count: 10,
    mean: 0,
    reset: () => {},
    enable: () => (isOn = true),
    disable: () => !(isOn = false),
  };
  const lag = new EventLoopLag(histogram);
  lag.start();
  expect(isOn).toBe(true);
  const second = (delayMs: number): number => {
    histogram.mean = (20 + delayMs) * 1e6;
    vi.advanceTimersByTime(1000);
    return lag.lagMs;
  };
  expect([second(700), second(5), second(600), second(800), second(900), second(0)]).toEqual([0, 5, 5, 600, 800, 0]);
  second(700);
  second(700);
  lag.stop();
  expect([isOn, lag.lagMs]).toEqual([false, 0]);
  vi.useRealTimers();
});
