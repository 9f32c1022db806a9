import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Hash } from '../../../src/types/primitives.ts';
import { errorCode } from '../../../src/util/errors.ts';
import { decodeInterchange } from '../../../src/wallet/interchange.ts';
import { importProtection } from '../../../src/wallet/slashing-protection.ts';
import { address, ffg, GENESIS, root, signer, signs, slot, STRATEGIES } from './fixture.ts';
import { MapStore } from './map-store.ts';

/** The cases of the format's own test suite: imports, then what must and what may be signed. */

type RootNumber = number | 'max';
type Step = {
  readonly data: readonly {
    readonly validator: number;
    readonly blocks: readonly (readonly [number, number?])[];
    readonly attestations: readonly (readonly [number, number, number?])[];
  }[];
  readonly containsSlashableData?: boolean;
  readonly shouldFail?: boolean;
  readonly blocks?: readonly (readonly [number, number, RootNumber, boolean])[];
  readonly attestations?: readonly (readonly [number, number, number, RootNumber, boolean])[];
};
type Case = { readonly name: string; readonly genesis?: number; readonly steps: readonly Step[] };

const { cases } = JSON.parse(readFileSync(join(import.meta.dirname, '../../vectors/eip-3076.json'), 'utf8')) as {
  cases: readonly Case[];
};

/** The networks of the cases have the genesis 0 and 1; those of these signers begin elsewhere. */
const genesisOf = (number: number): Hash => root(BigInt(GENESIS) + BigInt(number));
const rootOf = (number: RootNumber): Hash => root(number === 'max' ? 2n ** 64n - 1n : number);

function fileOf({ data }: Step): string {
  const rooted = (number: number | undefined): object => (number === undefined ? {} : { signing_root: root(number) });
  return JSON.stringify({
    metadata: { interchange_format_version: '5', genesis_validators_root: genesisOf(0) },
    data: data.map(({ validator, blocks, attestations }) => ({
      pubkey: address(validator),
      signed_blocks: blocks.map(([number, digest]) => ({ slot: String(number), ...rooted(digest) })),
      signed_attestations: attestations.map(([source, target, digest]) => ({
        source_epoch: String(source),
        target_epoch: String(target),
        ...rooted(digest),
      })),
    })),
  });
}

const variants = cases.flatMap((item) =>
  STRATEGIES.flatMap((strategy) => [false, true].map((acceptConflicts) => ({ item, strategy, acceptConflicts }))),
);

describe('cases of the interchange test suite', () => {
  it('are all there', () => {
    expect(cases).toHaveLength(38);
  });

  it.each(variants)(
    '$item.name, $strategy, conflicts accepted: $acceptConflicts',
    async ({ item, strategy, acceptConflicts }) => {
      const store = new MapStore();
      for (const step of item.steps) {
        const before = store.content();
        try {
          const interchange = decodeInterchange(fileOf(step), { genesisHash: genesisOf(item.genesis ?? 0) });
          await importProtection(store, interchange, { acceptConflicts });
        } catch (error) {
          expect(store.content()).toEqual(before);
          if (step.shouldFail === true) {
            expect(errorCode(error)).toBe('INTERCHANGE_OTHER_NETWORK');
            return;
          }
          expect(errorCode(error)).toBe('INTERCHANGE_CONTRADICTS');
          expect([acceptConflicts, step.containsSlashableData]).toEqual([false, true]);
          return;
        }
        expect(step.shouldFail).toBeUndefined();
        const wanted = [
          ...(step.blocks ?? []).map(([by, number, digest, may]) => ({ by, guard: slot(number), digest, may })),
          ...(step.attestations ?? []).map(([by, source, target, digest, may]) => ({
            by,
            guard: ffg(source, target),
            digest,
            may,
          })),
        ];
        for (const { by, guard, digest, may } of wanted) {
          const signed = await signs(signer(store, strategy, by), rootOf(digest), guard);
          // The minimal strategy may refuse more than the cases ask.
          if (strategy === 'complete' || !may)
            expect({ by, guard, digest, signed }).toEqual({ by, guard, digest, signed: may });
        }
      }
    },
  );
});
