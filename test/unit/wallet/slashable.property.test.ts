import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeInterchange, encodeInterchange } from '../../../src/wallet/interchange.ts';
import type { GuardStrategy } from '../../../src/wallet/local-signer.ts';
import { exportProtection, importProtection } from '../../../src/wallet/slashing-protection.ts';
import { ffg, GENESIS, root, signer, signs, slot } from './fixture.ts';
import { MapStore } from './map-store.ts';

/** Whatever is asked in whatever order, nothing signed is punishable, also across an export and an import. */

type Vote = { readonly kind: 'vote'; readonly source: number; readonly target: number; readonly digest: number };
type Block = { readonly kind: 'block'; readonly slot: number; readonly digest: number };
type Request = Vote | Block;

const digest = fc.integer({ min: 1, max: 3 });
const request: fc.Arbitrary<Request> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('vote' as const),
      source: fc.integer({ min: 0, max: 12 }),
      target: fc.integer({ min: 0, max: 14 }),
      digest,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('block' as const), slot: fc.integer({ min: 0, max: 14 }), digest }),
  },
);
const requests = fc.array(request, { maxLength: 40, size: 'max' });
/** So few that what comes after them finds room above, and between. */
const few = fc.array(request, { maxLength: 6, size: 'max' });
const strategy = fc.constantFrom<GuardStrategy>('minimal', 'complete');
const RUNS = { numRuns: 400 };

/** By the rules of the consensus that punishes, told apart from the guard's own. */
function isSlashable(a: Request, b: Request): boolean {
  if (a.kind === 'block' && b.kind === 'block') return a.slot === b.slot && a.digest !== b.digest;
  if (a.kind !== 'vote' || b.kind !== 'vote') return false;
  const isDouble = a.target === b.target && (a.source !== b.source || a.digest !== b.digest);
  const surrounds = (x: Vote, y: Vote): boolean => x.source < y.source && y.target < x.target;
  return isDouble || surrounds(a, b) || surrounds(b, a);
}

function expectUnpunished(fresh: readonly Request[], others: readonly Request[]): void {
  const pairs = fresh.flatMap((a) => others.filter((b) => isSlashable(a, b)).map((b) => [a, b]));
  expect(pairs).toEqual([]);
}

async function ask(store: MapStore, how: GuardStrategy, asked: readonly Request[]): Promise<Request[]> {
  const by = signer(store, how);
  const signed: Request[] = [];
  for (const item of asked) {
    const guard = item.kind === 'vote' ? ffg(item.source, item.target) : slot(item.slot);
    if (await signs(by, root(item.digest), guard)) signed.push(item);
  }
  return signed;
}

async function carryOver(from: MapStore, to: MapStore, how: GuardStrategy): Promise<void> {
  const { interchange } = await exportProtection(from, { genesisHash: GENESIS, address: null, strategy: how });
  const text = encodeInterchange(interchange);
  await importProtection(to, decodeInterchange(text, { genesisHash: GENESIS }), { acceptConflicts: true });
}

const textOf = (item: Request): string => JSON.stringify(item);

describe('for any requests', () => {
  it('nothing punishable is signed, under either strategy and when it changes at restarts', async () => {
    const lives = fc.array(fc.tuple(strategy, fc.oneof(few, requests)), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(lives, async (all) => {
        const store = new MapStore();
        const signed: Request[] = [];
        for (const [how, asked] of all) signed.push(...(await ask(store, how, asked)));
        expectUnpunished(signed, signed);
      }),
      RUNS,
    );
  });

  it('an empty store that takes the export in signs none of them anew', async () => {
    await fc.assert(
      fc.asyncProperty(strategy, strategy, requests, async (how, told, asked) => {
        const [store, restored] = [new MapStore(), new MapStore()];
        const signed = new Set((await ask(store, how, asked)).map(textOf));
        await carryOver(store, restored, told);
        const again = await ask(restored, how, asked.filter(isBoundBy(asked, signed)));
        expect(again.filter((item) => !signed.has(textOf(item)))).toEqual([]);
      }),
      RUNS,
    );
  });

  it('a signer restored from an export, minimal or not, signs nothing punishable beside the original history', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(strategy, few), { minLength: 1, maxLength: 5 }),
        strategy,
        strategy,
        requests,
        async (lives, told, how, later) => {
          const [store, restored] = [new MapStore(), new MapStore()];
          const before: Request[] = [];
          for (const [at, asked] of lives) before.push(...(await ask(store, at, asked)));
          await carryOver(store, restored, told);
          const after = await ask(restored, how, later);
          expectUnpunished(after, [...before, ...after]);
        },
      ),
      RUNS,
    );
  });

  it('a signer that takes in what another did with its key adds nothing punishable to either', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(strategy, few),
        fc.tuple(strategy, few),
        strategy,
        fc.array(fc.tuple(strategy, requests), { minLength: 1, maxLength: 2 }),
        async ([howA, askedA], [howB, askedB], told, later) => {
          const [a, b] = [new MapStore(), new MapStore()];
          const before = [...(await ask(a, howA, askedA)), ...(await ask(b, howB, askedB))];
          const known = new Set(before.map(textOf));
          await carryOver(a, b, told);
          const after: Request[] = [];
          for (const [how, asked] of later) after.push(...(await ask(b, how, asked)));
          const fresh = after.filter((item) => !known.has(textOf(item)));
          expectUnpunished(fresh, [...before, ...fresh]);
        },
      ),
      RUNS,
    );
  });
});

/** Of a kind of which something was signed: an export says nothing of a kind that was only ever asked for. */
function isBoundBy(asked: readonly Request[], signed: ReadonlySet<string>): (item: Request) => boolean {
  const kinds = new Set(asked.filter((item) => signed.has(textOf(item))).map(({ kind }) => kind));
  return ({ kind }) => kinds.has(kind);
}
