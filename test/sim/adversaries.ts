import type { Rng } from '../../src/util/rng.ts';
import { faultsMax, type SimEngine } from './engines.ts';

/**
 * Validators (or miners) that do not do as they should, as data.
 *
 * `twin`: two nodes with one key and no guard. Each is honest by itself; together they say two things, most of all when a
 *   partition keeps them apart. Where work counts, they share what one miner has.
 * `silent`: says nothing.
 * `outdated`: goes back to an old copy of its disks from time to time, and has no guard.
 * `equivocating`: says one thing to some peers and another to the rest (`equivocator.ts`).
 * `withholding`: says everything late, or when others say the like (`withholder.ts`).
 * `flooding`: says too much, well-formed and not (`flooder.ts`).
 * `promising`: claims to be far ahead, and serves its blocks one by one, slowly (`promiser.ts`).
 */
export type AdversaryKind = 'twin' | 'silent' | 'outdated' | 'equivocating' | 'withholding' | 'flooding' | 'promising';
export type Adversary = {
  readonly kind: AdversaryKind;
  readonly validator: number;
  /** Honest after all: what is left of one that a smaller scenario does without. */
  readonly isReformed?: true;
};

export const ADVERSARY_KINDS: readonly AdversaryKind[] = [
  'twin',
  'silent',
  'outdated',
  'equivocating',
  'withholding',
  'flooding',
  'promising',
];

/** Kinds that make sense where messages are said, and where work is done: a second valid block costs as much as the first. */
function kindsFor({ factory }: SimEngine): readonly AdversaryKind[] {
  return ADVERSARY_KINDS.filter((kind) => kind !== 'equivocating' || !factory.traits.usesWork);
}

/** Up to as many as the engine bears, on different validators. Twins are drawn twice as often as the others. */
export function drawAdversaries(rng: Rng, engine: SimEngine, n: number): readonly Adversary[] {
  const count = rng.between(0, faultsMax(engine, n));
  const kinds = kindsFor(engine);
  return drawValidators(rng, n, count).map((validator) => ({ kind: rng.pick(['twin', ...kinds]), validator }));
}

/** Exactly these. */
export function placeAdversaries(rng: Rng, n: number, kinds: readonly AdversaryKind[]): readonly Adversary[] {
  const validators = drawValidators(rng, n, kinds.length);
  return kinds.flatMap((kind, i) => {
    const validator = validators[i];
    return validator === undefined ? [] : [{ kind, validator }];
  });
}

function drawValidators(rng: Rng, n: number, count: number): readonly number[] {
  return rng.shuffle([...Array(n).keys()]).slice(0, count);
}

export type Role = {
  readonly name: string;
  readonly validator: number;
  readonly kind: 'honest' | 'candidate' | Exclude<AdversaryKind, 'silent'>;
};

/** An honest node with a key that is no validator's at first; the engine may make it one, or it only follows. */
export function candidateRole(n: number): Role {
  return { name: 'x', validator: n, kind: 'candidate' };
}

/** The nodes there are: one for each honest validator, two for a twin, none for a silent one. */
export function rolesOf(n: number, adversaries: readonly Adversary[]): readonly Role[] {
  return [...Array(n).keys()].flatMap((validator): readonly Role[] => {
    const adversary = adversaries.find((candidate) => candidate.validator === validator);
    const { kind = 'honest', isReformed } = adversary ?? {};
    const letters = kind === 'twin' ? ['a', 'b'] : [''];
    if (isReformed === true) return [{ name: `n${validator}${letters[0]}`, validator, kind: 'honest' }];
    if (kind === 'silent') return [];
    return letters.map((letter) => ({ name: `n${validator}${letter}`, validator, kind }));
  });
}

export function isHonestRole({ kind }: Pick<Role, 'kind'>): boolean {
  return kind === 'honest' || kind === 'candidate';
}
