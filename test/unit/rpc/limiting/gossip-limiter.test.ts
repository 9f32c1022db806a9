import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeCounters } from '../../../../rpc/limiting/counter-codec.ts';
import { FleetKey } from '../../../../rpc/limiting/fleet-key.ts';
import { TokenBucket } from '../../../../rpc/limiting/token-bucket.ts';
import { Fleet, SECRET, type FleetOptions } from './fleet.ts';
import { worstExcess, type Admitted } from './windows.ts';

const DELAY_US_MAX = 70_000;
const CLIENT = 'address:192.0.2.1';

type Arrival = { readonly stepUs: number; readonly node: number; readonly weight: number };

/** Plays arrivals against a fleet whose messages take as long as `delays` says; gives what was admitted of the one client. */
function play(
  options: FleetOptions,
  arrivals: readonly Arrival[],
  delays: readonly number[],
  phases: readonly number[],
): Admitted[] {
  const fleet = new Fleet(options);
  const events: { readonly at: number; readonly act: () => void }[] = [];
  const at = (us: number, act: () => void): void => {
    const index = events.findLastIndex((event) => event.at <= us);
    events.splice(index + 1, 0, { at: us, act });
  };
  let sent = 0;
  fleet.say = (from, message) => {
    for (const [index, member] of fleet.members.entries()) {
      if (index !== from) at(fleet.time.us + (delays[sent++ % delays.length] ?? 0), () => member.deliver(message));
    }
  };
  const admitted: Admitted[] = [];
  let now = 0;
  for (const { stepUs, node, weight } of arrivals) {
    now += stepUs;
    at(now, () => {
      const { limiter } = fleet.member(node % options.nodes);
      if (limiter.take(CLIENT, weight).admitted) admitted.push({ at: fleet.time.us, weight });
    });
  }
  const end = now;
  for (const [index, { limiter }] of fleet.members.entries()) {
    const round = (us: number): void =>
      at(us, () => {
        limiter.exchange();
        if (us < end) round(us + options.exchangeMs * 1000);
      });
    round(phases[index] ?? 0);
  }
  for (let event = events.shift(); event !== undefined; event = events.shift()) {
    fleet.time.us = event.at;
    event.act();
  }
  return admitted;
}

/** In millionths of a weight, which a rate per second counts per microsecond. */
function surplusOf(
  { nodes, capacity, rate, exchangeMs }: FleetOptions,
  admitted: readonly Admitted[],
): { worst: number; allowed: number } {
  const delayUs = exchangeMs * 1000 + DELAY_US_MAX;
  return {
    worst: worstExcess(admitted, 1e6, (lengthUs) => capacity * 1e6 + rate * lengthUs),
    allowed: (nodes - 1) * rate * delayUs,
  };
}

describe('a fleet that exchanges counters', () => {
  const options = fc.record({
    nodes: fc.integer({ min: 2, max: 5 }),
    capacity: fc.integer({ min: 5, max: 60 }),
    rate: fc.integer({ min: 1, max: 60 }),
    exchangeMs: fc.constantFrom(10, 50, 100),
  });
  const arrival = fc.record({
    stepUs: fc.oneof(
      { weight: 30, arbitrary: fc.integer({ min: 0, max: 8_000 }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 500_000 }) },
    ),
    node: fc.nat(4),
    weight: fc.integer({ min: 1, max: 12 }),
  });
  const delays = fc.array(fc.integer({ min: 0, max: DELAY_US_MAX }), { minLength: 1, maxLength: 30 });
  const phases = fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 5, maxLength: 5 });

  it('admits in every window at most capacity + rate × t + (nodes − 1) × rate × delay', () => {
    fc.assert(
      fc.property(
        options,
        fc.array(arrival, { minLength: 50, maxLength: 400 }),
        delays,
        phases,
        (fleet, arrivals, late, starts) => {
          const { worst, allowed } = surplusOf(fleet, play(fleet, arrivals, late, starts));
          expect(worst).toBeLessThanOrEqual(allowed);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('keeps to it under a flood on all nodes, and under one that moves from node to node', () => {
    const fleet: FleetOptions = { nodes: 4, capacity: 40, rate: 100, exchangeMs: 100 };
    const flood = Array.from({ length: 3_000 }, (_, i) => ({
      stepUs: i % 4 === 0 ? 1_000 : 0,
      node: i % 4,
      weight: 1,
    }));
    const moving = Array.from({ length: 2_000 }, (_, i) => ({ stepUs: 1_000, node: Math.floor(i / 400), weight: 1 }));
    const starts = [0, 2_500, 5_000, 7_500];
    const floods = surplusOf(fleet, play(fleet, flood, [DELAY_US_MAX], starts));
    const moves = surplusOf(fleet, play(fleet, moving, [DELAY_US_MAX], starts));
    expect(floods.worst).toBeLessThanOrEqual(floods.allowed);
    expect(moves.worst).toBeLessThanOrEqual(moves.allowed);
    // It is a surplus that really happens: the delay is not free.
    expect(floods.worst).toBeGreaterThan(0);
  });

  it('gives a client of one node its whole rate', () => {
    const fleet: FleetOptions = { nodes: 4, capacity: 40, rate: 100, exchangeMs: 100 };
    const steady = Array.from({ length: 2_000 }, () => ({ stepUs: 1_000, node: 2, weight: 1 }));
    const admitted = play(fleet, steady, [DELAY_US_MAX], [0, 1, 2, 3]);
    expect(admitted.length).toBeGreaterThanOrEqual(10 + 199);
    expect(admitted.length).toBeLessThanOrEqual(10 + 200);
  });

  it('one node gives at most its part at once, and says that this is the limit', () => {
    const fleet = new Fleet({ nodes: 4, capacity: 40, rate: 1, exchangeMs: 100 });
    const { limiter } = fleet.member(0);
    expect(limiter.take(CLIENT, 11)).toMatchObject({ admitted: false, limit: 10, waitMs: Infinity });
    expect(limiter.take(CLIENT, 10).admitted).toBe(true);
    fleet.exchangeAll();
    expect(fleet.member(1).limiter.take(CLIENT, 1).admitted).toBe(false);
    expect(fleet.member(1).limiter.take('address:192.0.2.2', 10).admitted).toBe(true);
  });

  it('charges each call once, though it is told several times', () => {
    const fleet = new Fleet({ nodes: 2, capacity: 40, rate: 0.001, exchangeMs: 100 });
    for (let used = 1; used <= 8; used++) {
      fleet.member(0).limiter.take('key:other', 5 - (used % 2));
      fleet.member(0).limiter.take(CLIENT, 1);
      fleet.exchangeAll();
      expect(fleet.member(1).limiter.take(CLIENT, 21)).toMatchObject({ admitted: false, remaining: 20 - used });
    }
  });

  it('begins no counter behind one that it has forgotten', () => {
    const fleet = new Fleet({ nodes: 2, capacity: 20, rate: 1, exchangeMs: 100 });
    const [a, b] = [fleet.member(0).limiter, fleet.member(1).limiter];
    a.take(CLIENT, 10);
    for (let told = 0; told < 3; told++) fleet.exchangeAll();
    fleet.time.us += 20_000_000;
    b.take(CLIENT, 5);
    a.take('key:other', 1);
    expect(a.size).toBe(1);
    a.take(CLIENT, 3);
    fleet.exchangeAll();
    expect(b.take(CLIENT, 11)).toMatchObject({ admitted: false, remaining: 10 - 5 - 3 });
  });

  it('loses nothing when two messages in a row are lost', () => {
    const fleet = new Fleet({ nodes: 2, capacity: 20, rate: 1, exchangeMs: 100 });
    fleet.member(0).limiter.take(CLIENT, 10);
    for (let lost = 0; lost < 2; lost++) fleet.member(0).limiter.exchange();
    fleet.said.splice(0);
    fleet.exchangeAll();
    expect(fleet.member(1).limiter.take(CLIENT, 1).admitted).toBe(false);
    // Told often enough: nothing more is said of it.
    fleet.member(0).limiter.exchange();
    expect(fleet.said).toEqual([]);
  });

  it('knows other limits for some clients, on both sides', () => {
    const fleet = new Fleet({ nodes: 2, capacity: 2, rate: 1, exchangeMs: 100 });
    const overrides = new Map([['key:big', new TokenBucket(100, 1)]]);
    const [a, b] = [fleet.join(10, { overrides }), fleet.join(11, { overrides })];
    expect(a.limiter.take('key:big', 30)).toMatchObject({ admitted: true, limit: 50 });
    a.limiter.exchange();
    expect(b.deliver(fleet.said[0]?.message ?? Buffer.alloc(0))).toBe('accept');
    expect(b.limiter.take('key:big', 21).admitted).toBe(false);
    expect(b.limiter.take('key:big', 20).admitted).toBe(true);
  });

  it('tells a thousand clients at a time, those with the most news first, and all in the end', () => {
    const fleet = new Fleet({ nodes: 2, capacity: 2_000, rate: 1, exchangeMs: 100 });
    const { limiter } = fleet.member(0);
    for (let i = 0; i < 1_500; i++) limiter.take(`key:${i}`, i < 1_400 ? 1 : 900);
    fleet.exchangeAll();
    for (let i = 1_400; i < 1_500; i++) expect(fleet.member(1).limiter.take(`key:${i}`, 101).admitted).toBe(false);
    fleet.exchangeAll();
    for (let i = 0; i < 1_400; i++) expect(fleet.member(1).limiter.take(`key:${i}`, 1_000).admitted).toBe(false);
  });

  it('keeps a bounded table, and forgets clients once all is told and earned', () => {
    const fleet = new Fleet({ nodes: 2, capacity: 20, rate: 10, exchangeMs: 100, clientsMax: 50 });
    for (let i = 0; i < 500; i++) fleet.member(0).limiter.take(`key:${i}`, 1);
    expect(fleet.member(0).limiter.size).toBe(50);
    fleet.exchangeAll();
    expect(fleet.member(1).limiter.size).toBe(50);
    for (let round = 0; round < 4; round++) {
      fleet.time.us += 1_000_000;
      fleet.exchangeAll();
    }
    for (let i = 500; i < 510; i++) fleet.member(0).limiter.take(`key:${i}`, 1);
    expect(fleet.member(0).limiter.size).toBeLessThan(50);
  });
});

describe('what others say', () => {
  const options: FleetOptions = { nodes: 3, capacity: 30, rate: 1, exchangeMs: 100 };
  const tag = new FleetKey(SECRET, 'net').tagOf(CLIENT);
  const claim = (changes: object, secret = SECRET): Uint8Array =>
    encodeCounters(
      {
        node: 'ffffffffffffffff',
        incarnation: 1_700_000_000_000,
        sequence: 1,
        sentAtMs: 1_700_000_000_000,
        entries: [{ tag, base: 0, total: 10 }],
        ...changes,
      },
      new FleetKey(secret, 'net'),
    );
  const isCharged = (fleet: Fleet): boolean => !fleet.member(0).limiter.take(CLIENT, 10).admitted;

  it('charges nobody without the secret', () => {
    const fleet = new Fleet(options);
    const stranger = fleet.join(9, { secret: Buffer.alloc(32, 2) });
    stranger.limiter.take(CLIENT, 10);
    stranger.limiter.exchange();
    for (const { message } of fleet.said) expect(fleet.member(0).deliver(message)).toBe('ignore');
    expect(fleet.member(0).deliver(claim({}, Buffer.alloc(32, 3)))).toBe('ignore');
    expect(fleet.member(0).outcomes).toEqual(['forged', 'forged']);
    expect(isCharged(fleet)).toBe(false);
    expect(fleet.member(0).limiter.peers).toBe(0);
  });

  it('counts once, however often and in whatever order it is heard', () => {
    const fleet = new Fleet({ ...options, capacity: 60 });
    const { deliver, outcomes, limiter } = fleet.member(0);
    const entries = (total: number) => [{ tag, base: 0, total }];
    const [first, second] = [claim({ entries: entries(4) }), claim({ sequence: 2, entries: entries(7) })];
    expect([second, first, second, first].map(deliver)).toEqual(['accept', 'ignore', 'ignore', 'ignore']);
    expect(outcomes).toEqual(['taken', 'replayed', 'replayed', 'replayed']);
    expect(limiter.take(CLIENT, 14).admitted).toBe(false);
    expect(limiter.take(CLIENT, 13).admitted).toBe(true);
  });

  it('is too old after half a minute, for a node that has just started too', () => {
    const fleet = new Fleet(options);
    fleet.time.us = 31_000_000;
    expect(fleet.member(0).deliver(claim({}))).toBe('ignore');
    expect(fleet.member(0).deliver(claim({ sentAtMs: 1_700_000_090_000 }))).toBe('ignore');
    expect(fleet.member(0).outcomes).toEqual(['stale', 'stale']);
    expect(isCharged(fleet)).toBe(false);
  });

  it('is of an earlier life of the node once that has started again', () => {
    const fleet = new Fleet({ ...options, capacity: 60 });
    const { deliver, limiter } = fleet.member(0);
    expect(deliver(claim({ sequence: 50 }))).toBe('accept');
    expect(deliver(claim({ incarnation: 1_700_000_000_001, entries: [{ tag, base: 0, total: 5 }] }))).toBe('accept');
    expect(deliver(claim({ sequence: 51, entries: [{ tag, base: 0, total: 500 }] }))).toBe('ignore');
    expect(limiter.take(CLIENT, 6).admitted).toBe(false);
    expect(limiter.take(CLIENT, 5).admitted).toBe(true);
  });

  it('is blamed on its sender when no fleet would send it', () => {
    const fleet = new Fleet(options);
    expect(fleet.member(0).deliver(Buffer.alloc(3))).toBe('reject');
    expect(fleet.member(0).deliver(claim({}).subarray(0, -1))).toBe('reject');
    expect(isCharged(fleet)).toBe(false);
  });

  it('does not shut a client out for longer than the delay that is believed', () => {
    const fleet = new Fleet(options);
    const { deliver, limiter } = fleet.member(0);
    for (let sequence = 1; sequence < 100; sequence++) {
      deliver(claim({ sequence, entries: [{ tag, base: 0, total: sequence * 1_000_000 }] }));
    }
    // Two others, of each a part of 10 and what 2 s give.
    expect(limiter.take(CLIENT, 1).waitMs).toBe(1_000 * (2 * (10 + 2) + 1));
  });

  it('is not believed of itself', () => {
    const fleet = new Fleet(options);
    expect(fleet.member(0).deliver(claim({ node: '0'.repeat(16) }))).toBe('ignore');
    expect(isCharged(fleet)).toBe(false);
  });
});
