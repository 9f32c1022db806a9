import { describe, expect, it } from 'vitest';
import { VIEWS_PER_KIND_MAX } from '../../../../consensus/pbft/ballots.ts';
import { pbftFactory } from '../../../../consensus/pbft/factory.ts';
import type { Statement } from '../../../../consensus/pbft/messages.ts';
import { Talk } from '../../../../consensus/pbft/talk.ts';
import { alone, candidate } from './alone.ts';
import { signed, validator, type NetNode } from './net.ts';
import { HASH, OTHER } from './samples.ts';

/** What a single validator can make the others do, and what it can hide. */

const vote = (kind: 'prepare' | 'commit', height: number, hash = HASH, view = 0) =>
  ({ kind, height, view, hash }) as const;
const status = (height: number, now: number) => ({ kind: 'status', height, view: 0, now, asks: true }) as const;
const casts = (node: NetNode): number => node.effects.filter(({ type }) => type === 'cast').length;

describe('one validator', () => {
  it('that speaks of a later view makes nobody ask for it', () => {
    const { net, node, height, said } = alone({ emptyBlocks: 'never' });
    net.run(1000);
    said.length = 0;
    const later: Statement[] = [
      vote('prepare', height, HASH, 900),
      { kind: 'status', height, view: 900, now: 1, asks: false },
    ];
    for (const statement of later) node.hear(signed(validator(2), statement));
    net.run(5000);
    expect(said).toEqual([]);
    // With another one that is beyond view 5, somebody honest is.
    node.hear(signed(validator(3), vote('prepare', height, HASH, 5)));
    net.run(300);
    expect(said).toMatchObject([{ kind: 'status', view: 0, asks: true }]);
  });

  it('that asks all the time is answered ever more slowly, and others at once', () => {
    const { net, node, height } = alone({ emptyBlocks: 'never', viewTimeoutMs: 2000 });
    node.effects.length = 0;
    for (let ms = 0; ms < 20_000; ms += 10) {
      node.hear(signed(validator(2), status(height, net.agenda.now)));
      net.run(10);
    }
    // After 0, 500, 1500 and 3500 ms, then every 2000.
    expect(casts(node)).toBeGreaterThan(8);
    expect(casts(node)).toBeLessThan(14);
    net.run(3000);
    const before = casts(node);
    node.hear(signed(validator(3), status(height, net.agenda.now)));
    net.run(1);
    expect(casts(node)).toBe(before + 1);
  });

  it('that votes in many views can not hide what it said in the one under way', () => {
    const { node, height, hash } = candidate();
    node.hear(signed(validator(2), vote('prepare', height, hash)));
    for (let view = 1; view <= 3 * VIEWS_PER_KIND_MAX; view++) {
      node.hear(signed(validator(2), vote('prepare', height, hash, view)));
    }
    node.hear(signed(validator(2), vote('prepare', height, OTHER)));
    expect(node.evidence.map(({ offender }) => offender)).toEqual([validator(2)]);
  });
});

it('a clock that is set back does not silence STATUS', () => {
  const talk = new Talk(pbftFactory.parseParams({}));
  const placeAt = (now: number): unknown =>
    talk.status({ height: 3, view: 0, now, asks: true }).map((effect) => effect.type === 'cast' && effect.guard);
  const place = (height: number): unknown => [{ kind: 'once', domain: 'pbft-status', height, round: 0, step: 0 }];
  expect([5000, 1000, 1000, 9000].map(placeAt)).toEqual([5000, 5001, 5002, 9000].map(place));
});
