import { describe, expect, it } from 'vitest';
import type { EngineEffect } from '../../../consensus/api/effect.ts';
import type { Engine } from '../../../consensus/api/engine.ts';
import type { EngineEvent } from '../../../consensus/api/event.ts';
import { Driver, MAILBOX_MESSAGES_MAX, type EffectHandlers, type EngineEventBody } from '../../../src/node/driver.ts';
import { silentLog } from '../../../src/util/log.ts';
import { noMetrics } from '../../../src/util/metrics.ts';

type Step = (event: EngineEvent) => readonly EngineEffect[];

function rig(step: Step, handlers: Partial<EffectHandlers> = {}): { driver: Driver; seen: string[]; faults: string[] } {
  const seen: string[] = [];
  const faults: string[] = [];
  const engine = {
    step: (event: EngineEvent) => {
      seen.push(`step ${event.type === 'timer' ? event.id : event.type} ${event.now}`);
      return step(event);
    },
  } as Engine;
  let now = 0;
  const driver = new Driver({
    engine,
    effects: {
      persist: async (entries) => {
        seen.push(`persist begins ${entries.map(({ key }) => key).join()}`);
        await new Promise((wake) => setImmediate(wake));
        seen.push('persist ends');
      },
      act: (effect) => void seen.push(`act ${effect.type}`),
      ...handlers,
    },
    clock: { now: () => ++now },
    log: silentLog,
    metrics: noMetrics,
    onFault: (reason) => faults.push(reason),
  });
  return { driver, seen, faults };
}

const timer = (id: string): EngineEventBody => ({ type: 'timer', id });
const forkchoice: EngineEffect = { type: 'forkchoice', head: '0x', safe: '0x', finalized: '0x' };

describe('Driver', () => {
  it('has everything persisted before anything acts, whatever their order in the step', async () => {
    const effects: EngineEffect[] = [
      { type: 'timer', id: 't', at: 1 },
      { type: 'persist', key: 'a', value: null },
      forkchoice,
      { type: 'persist', key: 'b', value: null },
    ];
    const { driver, seen } = rig(() => effects);
    driver.post(timer('one'));
    await driver.idle();
    expect(seen).toEqual(['step one 1', 'persist begins a,b', 'persist ends', 'act timer', 'act forkchoice']);
  });

  it('ends a step with all its effects before the next event', async () => {
    const { driver, seen } = rig(() => [{ type: 'persist', key: 'k', value: null }, forkchoice]);
    driver.post(timer('one'));
    driver.post(timer('two'));
    await driver.idle();
    expect(seen.findIndex((line) => line.startsWith('step two'))).toBe(4);
  });

  it('does not run the engine inside post', async () => {
    const { driver, seen } = rig(() => []);
    driver.post(timer('one'));
    expect(seen).toEqual([]);
    await driver.idle();
    expect(seen).toHaveLength(1);
  });

  it('stops the engine for good when a step throws, and says so once', async () => {
    const { driver, seen, faults } = rig(() => {
      throw new Error('lost an invariant');
    });
    driver.post(timer('one'));
    driver.post(timer('two'));
    await driver.idle();
    expect(seen).toEqual(['step one 1']);
    expect(faults).toEqual(['timer: lost an invariant']);
    expect(driver.fault).toBe('timer: lost an invariant');
    expect(driver.post(timer('three'))).toBe(false);
  });

  it('says nothing when what it must remember can not be written', async () => {
    const { driver, seen, faults } = rig(() => [{ type: 'persist', key: 'k', value: null }, forkchoice], {
      persist: () => Promise.reject(new Error('disk full')),
    });
    driver.post(timer('one'));
    await driver.idle();
    expect(seen).toEqual(['step one 1']);
    expect(faults).toHaveLength(1);
  });

  it('lets the engine itself ask to be stopped', async () => {
    const { driver, faults } = rig(() => [{ type: 'fault', reason: 'enough' }, forkchoice]);
    driver.post(timer('one'));
    await driver.idle();
    expect(faults).toEqual(['timer: enough']);
  });

  it('drops messages of others when the mailbox is full, and nothing else', async () => {
    const { driver } = rig(() => []);
    const message = { from: '0x', payload: Buffer.alloc(0), signature: Buffer.alloc(0) } as const;
    for (let i = 0; i < MAILBOX_MESSAGES_MAX; i++) driver.post({ type: 'message', message, peer: 'p' });
    expect(driver.post({ type: 'message', message, peer: 'p' })).toBe(false);
    expect(driver.post({ type: 'message', message, peer: null })).toBe(true);
    expect(driver.post(timer('one'))).toBe(true);
    await driver.idle();
    expect(driver.post({ type: 'message', message, peer: 'p' })).toBe(true);
  });

  it('finishes what is queued when it stops, then takes nothing', async () => {
    const { driver, seen } = rig(() => []);
    driver.post(timer('one'));
    await driver.stop();
    expect(seen.map((line) => line.split(' ')[1])).toEqual(['one', 'stop']);
    expect(driver.post(timer('two'))).toBe(false);
  });
});
