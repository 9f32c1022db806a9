import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Statement } from '../../../../consensus/pbft/messages.ts';
import type { Hash } from '../../../../src/types/primitives.ts';
import { Net, signed, validator } from './net.ts';
import { HASH } from './samples.ts';

/** Who passes a message on is blamed where it is refused. So honest nodes, however far, must agree on what to refuse. */

const N = 7;

/** v4 stays at a height, v5 at the one after, and the rest goes one further; each is in view 0. */
function threeHeights(): { readonly net: Net; readonly height: number } {
  const net = new Net({ validators: N, params: { blockTimeMs: 1000 } }).start();
  net.until(() => net.decided >= 3);
  const height = net.decided + 1;
  const isCut = (index: number): boolean => net.node(4 + index).decided >= height - 1 + index;
  net.passes = ({ to }) => !(to === net.node(4) && isCut(0)) && !(to === net.node(5) && isCut(1));
  net.until(() => net.node(0).decided === height + 1);
  net.passes = () => false;
  expect([4, 5, 0].map((i) => net.node(i).decided - height)).toEqual([-1, 0, 1]);
  return { net, height };
}

const QUORUM = [0, 1, 2, 3, 4];

function proofs(height: number, view: number, hash: Hash, primary: number, isGood: boolean): Statement[] {
  const vote = (i: number) => ({ kind: i === primary ? 'pre-prepare' : 'prepare', height, view, hash }) as const;
  const change = { kind: 'view-change', height, view: view + 1, prepared: null } as const;
  const by = (i: number, statement: Statement) => ({
    from: validator(i),
    signature: isGood ? signed(validator(i), statement).signature : new Uint8Array(65),
  });
  const indexes = [...new Set([...QUORUM, primary])].sort((a, b) => a - b);
  const certificate = { view, hash, signers: indexes.map((i) => by(i, vote(i))) };
  const changes = indexes.map((i) => ({ ...by(i, change), prepared: null }));
  return [
    { kind: 'certificate', height, view, certificate },
    { kind: 'new-view', height, view: view + 1, changes, certificate: null },
  ];
}

const view = fc.oneof(fc.nat(9), fc.constantFrom(999, 1000, 1001, 5000));
const arbitrary = (height: number, hashes: readonly Hash[]): fc.Arbitrary<readonly Statement[]> =>
  fc
    .record({
      at: fc.integer({ min: height - 2, max: height + 6 }),
      view,
      hash: fc.constantFrom(HASH, ...hashes),
      primary: fc.nat(N - 1),
      isGood: fc.boolean(),
      asks: fc.boolean(),
    })
    .map(({ at, view: v, hash, primary, isGood, asks }) => [
      { kind: 'pre-prepare', height: at, view: v, hash },
      { kind: 'prepare', height: at, view: v, hash },
      { kind: 'commit', height: at, view: v, hash },
      { kind: 'view-change', height: at, view: v + 1, prepared: null },
      { kind: 'view-change', height: at, view: v + 1, prepared: { view: v, hash } },
      { kind: 'status', height: at, view: v, now: v, asks },
      ...proofs(at, v, hash, primary, isGood),
    ]);

describe('what a node accepts', () => {
  it('no node one or two heights further refuses, nor one behind', () => {
    const { net, height } = threeHeights();
    const nodes = [4, 5, 0].map((i) => net.node(i));
    const accepted = new Set<string>();
    const refused = new Set<string>();
    const property = fc.property(arbitrary(height, net.chain().slice(-4)), fc.nat(N), (statements, from) => {
      for (const node of nodes) {
        // They forget whose proofs they have checked.
        node.kill();
        node.boot();
      }
      for (const statement of statements) {
        const message = signed(validator(from), statement);
        const kinds = nodes.map(({ engine }) => engine?.checkMessage(message).kind);
        if (kinds.includes('accept')) accepted.add(statement.kind);
        if (kinds.includes('reject')) refused.add(statement.kind);
        const seen = `${statement.kind} ${statement.height - height}/${statement.view} of v${from}: ${kinds.join(' ')}`;
        if (kinds.includes('accept') && kinds.includes('reject')) throw new Error(seen);
      }
    });
    fc.assert(property, { numRuns: 500, seed: 7 });
    expect(accepted.size).toBe(7);
    expect([...refused].sort()).toEqual(['certificate', 'new-view', 'pre-prepare']);
  });
});
