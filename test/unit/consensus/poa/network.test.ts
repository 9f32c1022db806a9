import { describe, expect, it } from 'vitest';
import { poaFactory } from '../../../../consensus/poa/factory.ts';
import type { RigNode } from '../../../conformance/rig-node.ts';
import { Rig } from '../../../conformance/rig.ts';
import { authority } from './harness.ts';

function network(validators: number, seed = 1): Rig {
  return new Rig({ factory: poaFactory, params: poaFactory.parseParams({}), seed, validators });
}

const authoritiesOf = (node: RigNode): number | undefined => node.engine?.validatorsAfter(node.disk.finalized)?.length;
const finalized = (rig: Rig): number => Math.min(...rig.alive().map((node) => node.finalizedNumber));

describe('a network of four authorities', () => {
  it('votes a fifth one in, which then seals and votes, and out again', () => {
    const rig = network(4);
    const fifth = rig.addCandidate(4);
    rig.start();
    rig.run(5000);
    const subject = authority(4);
    for (const node of rig.nodes.slice(0, 3)) node.step({ type: 'propose', subject, authorize: true });
    rig.run(30_000);
    for (const node of rig.nodes) expect(authoritiesOf(node)).toBe(5);
    const authors = new Set(
      rig.nodes[0]?.chain(rig.nodes[0].head, () => false).map(({ hash }) => rig.nodes[0]?.block(hash)?.author),
    );
    expect(authors.has(subject)).toBe(true);
    expect(fifth.disk.guard?.get('ffg')).toBeDefined();
    // All is done, so nothing is left to propose.
    expect(rig.nodes[0]?.engine?.describe().details['proposals']).toEqual([]);

    for (const node of rig.nodes.slice(0, 3)) node.step({ type: 'propose', subject, authorize: false });
    rig.run(30_000);
    for (const node of rig.nodes) expect(authoritiesOf(node)).toBe(4);
    expect(rig.violations).toEqual([]);
    expect(finalized(rig)).toBeGreaterThan(40);
  });

  it('goes on with one dead', () => {
    const rig = network(4);
    rig.start();
    rig.run(5000);
    const [dead] = rig.nodes;
    if (dead !== undefined) rig.kill(dead);
    const before = finalized(rig);
    rig.run(30_000);
    expect(finalized(rig)).toBeGreaterThan(before + 15);
  });

  it('stops with two dead, says who is missing, and recovers by itself when one returns', () => {
    const rig = network(4);
    rig.start();
    rig.run(5000);
    const [first, second, third] = rig.nodes;
    if (first === undefined || second === undefined || third === undefined) throw new Error('there are four');
    rig.kill(first);
    rig.kill(second);
    rig.run(30_000);
    const before = finalized(rig);
    rig.run(120_000);
    expect(finalized(rig)).toBe(before);
    const status = third.engine?.describe();
    expect(status?.quorum).toEqual({ phase: 'finality', have: 2n, need: 3n, missing: [authority(0), authority(1)] });
    expect(status?.validators.map(({ state }) => state)).toEqual(['silent', 'silent', 'active', 'active']);
    first.boot();
    rig.run(20_000);
    expect(finalized(rig)).toBeGreaterThan(before + 5);
    expect(rig.violations).toEqual([]);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('heals from an even cut, seed %s', (seed) => {
    const rig = network(4, seed);
    rig.start();
    rig.run(4000);
    rig.partition([rig.nodes.slice(0, 2), rig.nodes.slice(2)]);
    rig.run(60_000);
    const before = finalized(rig);
    rig.partition(null);
    rig.run(20_000);
    expect(finalized(rig)).toBeGreaterThan(before + 5);
    expect(rig.violations).toEqual([]);
  });
});

it('outvoting a dead third does not finalize without it; its return does', () => {
  const rig = network(3);
  rig.start();
  rig.run(5000);
  const [dead] = rig.nodes;
  if (dead?.self == null) throw new Error('there are three');
  rig.kill(dead);
  rig.run(10_000);
  const stopped = finalized(rig);
  for (const node of rig.alive()) node.step({ type: 'propose', subject: dead.self, authorize: false });
  rig.run(20_000);
  // Two of the old three are not more than two thirds: the chain goes on under two authorities, finality does not.
  expect(rig.alive()[0]?.engine?.validatorsAfter(rig.alive()[0]?.head ?? '0x')).toHaveLength(2);
  expect(finalized(rig)).toBe(stopped);
  rig.heal();
  rig.run(20_000);
  expect(finalized(rig)).toBeGreaterThan(stopped + 10);
  expect(rig.violations).toEqual([]);
});
