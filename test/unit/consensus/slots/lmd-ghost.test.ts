import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ghostHead, type GhostBlock, type GhostView } from '../../../../consensus/common/slots/lmd-ghost.ts';
import { LatestMessages } from '../../../../consensus/common/slots/latest-messages.ts';
import type { Address, Hash } from '../../../../src/types/primitives.ts';
import { rigAddress } from '../../../conformance/rig-parts.ts';

type VectorBlock = {
  readonly name: string;
  readonly parent: string;
  readonly slot: number;
  readonly justified?: number;
};
type Names<T> = { readonly [name: string]: T };
type Vector = {
  readonly name: string;
  readonly powers: Names<number>;
  readonly steps: readonly {
    readonly blocks?: readonly VectorBlock[];
    readonly votes?: Names<string>;
    readonly powers?: Names<number>;
    readonly epoch?: number;
    readonly justified?: string;
    readonly head: string;
  }[];
};

const vectors = JSON.parse(readFileSync(new URL('../../../vectors/fork-choice.json', import.meta.url), 'utf8')) as {
  readonly lmdGhost: readonly Vector[];
};

/** Names and hashes sort alike. */
const hashOf = (name: string): Hash => `0x${Buffer.from(name).toString('hex').padEnd(64, '0')}`;
const addressOf = (name: string): Address => `0x${Buffer.from(name).toString('hex').padEnd(40, '0')}`;

describe('known scenarios', () => {
  it.each(vectors.lmdGhost)('$name', ({ powers: first, steps }) => {
    const blocks: VectorBlock[] = [{ name: 'g', parent: 'nothing', slot: 0 }];
    const latest = new Map<Address, Hash>();
    let powers = first;
    for (const step of steps) {
      blocks.push(...(step.blocks ?? []));
      for (const [who, name] of Object.entries(step.votes ?? {})) latest.set(addressOf(who), hashOf(name));
      powers = step.powers ?? powers;
      const isViable = ({ justified }: VectorBlock): boolean =>
        justified === undefined || justified === (step.epoch ?? 0);
      const head = ghostHead({
        justified: hashOf(step.justified ?? 'g'),
        blocks: blocks.map((block) => ({
          hash: hashOf(block.name),
          parentHash: hashOf(block.parent),
          slot: block.slot,
          isViable: isViable(block),
        })),
        latest,
        powers: new Map(Object.entries(powers).map(([who, power]) => [addressOf(who), BigInt(power)])),
      });
      expect(head).toBe(hashOf(step.head));
    }
  });

  it('a start that is not in the tree is its own head', () => {
    const nowhere = hashOf('nowhere');
    expect(ghostHead({ justified: nowhere, blocks: [], latest: new Map(), powers: new Map() })).toBe(nowhere);
  });
});

/** Word for word from the definition, with everything counted anew at every step. */
function naiveHead({ justified, blocks, latest, powers }: GhostView): Hash {
  const childrenOf = (hash: Hash): GhostBlock[] => blocks.filter(({ parentHash }) => parentHash === hash);
  const descends = (hash: Hash | undefined, from: Hash): boolean => {
    for (let at = hash; at !== undefined; at = blocks.find((block) => block.hash === at)?.parentHash) {
      if (at === from) return blocks.some((block) => block.hash === hash);
    }
    return false;
  };
  const isViable = (block: GhostBlock): boolean => {
    const leaves = blocks.filter(({ hash }) => descends(hash, block.hash) && childrenOf(hash).length === 0);
    return leaves.some((leaf) => leaf.isViable);
  };
  const weightOf = (block: GhostBlock): bigint => {
    let weight = 0n;
    for (const [who, power] of powers) if (descends(latest.get(who), block.hash)) weight += power;
    return weight;
  };
  let head = justified;
  for (;;) {
    let best: GhostBlock | null = null;
    for (const child of childrenOf(head)) {
      if (!isViable(child)) continue;
      const isBetter = (than: GhostBlock): boolean => {
        const [mine, other] = [weightOf(child), weightOf(than)];
        if (mine !== other) return mine > other;
        return child.slot !== than.slot ? child.slot < than.slot : child.hash < than.hash;
      };
      if (best === null || isBetter(best)) best = child;
    }
    if (best === null) return head;
    head = best.hash;
  }
}

describe('on any tree', () => {
  const view = fc
    .record({
      blocks: fc.array(
        fc.record({ parent: fc.nat(), gap: fc.integer({ min: 1, max: 3 }), isViable: fc.boolean(), salt: fc.nat(99) }),
        { maxLength: 14 },
      ),
      votes: fc.array(fc.record({ block: fc.nat(16), power: fc.nat(3) }), { maxLength: 8 }),
      start: fc.nat(),
    })
    .map(({ blocks: specs, votes, start }): GhostView => {
      const blocks: GhostBlock[] = [{ hash: hashOf('root'), parentHash: hashOf('nothing'), slot: 0, isViable: true }];
      for (const [i, { parent, gap, isViable, salt }] of specs.entries()) {
        const under = blocks[parent % blocks.length];
        if (under === undefined) continue;
        const hash = hashOf(`${String.fromCharCode(65 + (salt % 26))}${i}`);
        blocks.push({ hash, parentHash: under.hash, slot: under.slot + gap, isViable });
      }
      return {
        justified: blocks[start % blocks.length]?.hash ?? hashOf('root'),
        blocks,
        latest: new Map(votes.map(({ block }, i) => [rigAddress(i), blocks[block]?.hash ?? hashOf('unknown')])),
        powers: new Map(votes.map(({ power }, i) => [rigAddress(i), BigInt(power)])),
      };
    });

  it('the head is that of the definition', () => {
    fc.assert(
      fc.property(view, (view) => {
        expect(ghostHead(view)).toBe(naiveHead(view));
      }),
      { numRuns: 1000 },
    );
  });

  it('the head stays when more stand behind it', () => {
    fc.assert(
      fc.property(view, fc.bigInt({ min: 1n, max: 100n }), (view, power) => {
        const head = ghostHead(view);
        const supporter = rigAddress(99);
        const [latest, powers] = [new Map(view.latest).set(supporter, head), new Map(view.powers)];
        expect(ghostHead({ ...view, latest, powers: powers.set(supporter, power) })).toBe(head);
      }),
    );
  });
});

describe('the latest message', () => {
  const [who, other] = [rigAddress(0), rigAddress(1)];

  it('is that of the highest slot, whatever the order in which they come', () => {
    const latest = new LatestMessages();
    expect(latest.note(who, { slot: 5, head: hashOf('b') })).toBe(true);
    expect(latest.note(who, { slot: 4, head: hashOf('a') })).toBe(false);
    expect(latest.heads()).toEqual(new Map([[who, hashOf('b')]]));
    expect(latest.note(who, { slot: 6, head: hashOf('c') })).toBe(true);
    expect(latest.heads()).toEqual(new Map([[who, hashOf('c')]]));
  });

  it('of one slot is the first', () => {
    const latest = new LatestMessages();
    latest.note(who, { slot: 5, head: hashOf('b') });
    expect(latest.note(who, { slot: 5, head: hashOf('a') })).toBe(false);
    expect(latest.heads()).toEqual(new Map([[who, hashOf('b')]]));
  });

  it('of an equivocator does not count until the slot in which it was found out is over', () => {
    const latest = new LatestMessages();
    latest.note(who, { slot: 5, head: hashOf('b') });
    latest.note(other, { slot: 5, head: hashOf('b') });
    latest.exclude(who, 9);
    expect(latest.note(who, { slot: 9, head: hashOf('c') })).toBe(false);
    expect(latest.heads()).toEqual(new Map([[other, hashOf('b')]]));
    expect(latest.note(who, { slot: 10, head: hashOf('c') })).toBe(true);
  });

  it('of those who are gone is forgotten', () => {
    const latest = new LatestMessages();
    latest.note(who, { slot: 5, head: hashOf('b') });
    latest.note(other, { slot: 5, head: hashOf('b') });
    latest.retain((address) => address === other);
    expect([...latest.heads().keys()]).toEqual([other]);
  });
});
