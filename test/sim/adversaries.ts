import type { Rng } from '../../src/util/rng.ts';

/**
 * Validators that do not do as they should, as data.
 *
 * `twin`: two nodes with one key and no guard. Each is honest by itself; together they say two things, most of all when a
 *   partition keeps them apart.
 * `silent`: says nothing.
 * `outdated`: goes back to an old copy of its disks from time to time, and has no guard.
 */
export type AdversaryKind = 'twin' | 'silent' | 'outdated';
export type Adversary = { readonly kind: AdversaryKind; readonly validator: number };

/** How many of n validators may be adversaries (Castro & Liskov; FFG needs the same). */
export function faultsMax(n: number): number {
  return Math.floor((n - 1) / 3);
}

/** Up to f of them, on different validators. */
export function drawAdversaries(rng: Rng, n: number): readonly Adversary[] {
  const count = rng.between(0, faultsMax(n));
  const validators = rng.shuffle([...Array(n).keys()]).slice(0, count);
  return validators.map((validator) => ({
    kind: rng.pick<AdversaryKind>(['twin', 'twin', 'silent', 'outdated']),
    validator,
  }));
}

/** Exactly so many twins. */
export function drawTwins(rng: Rng, n: number, count: number): readonly Adversary[] {
  return rng
    .shuffle([...Array(n).keys()])
    .slice(0, count)
    .map((validator) => ({ kind: 'twin', validator }));
}

export type Role = {
  readonly name: string;
  readonly validator: number;
  readonly kind: 'honest' | 'candidate' | Exclude<AdversaryKind, 'silent'>;
};

/** An honest node with a key that is no validator's at first; the engine may make it one. */
export function candidateRole(n: number): Role {
  return { name: 'x', validator: n, kind: 'candidate' };
}

/** The nodes there are: one for each honest validator, two for a twin, none for a silent one. */
export function rolesOf(n: number, adversaries: readonly Adversary[]): readonly Role[] {
  return [...Array(n).keys()].flatMap((validator): readonly Role[] => {
    const kind = adversaries.find((adversary) => adversary.validator === validator)?.kind ?? 'honest';
    if (kind === 'silent') return [];
    if (kind !== 'twin') return [{ name: `n${validator}`, validator, kind }];
    return ['a', 'b'].map((letter) => ({ name: `n${validator}${letter}`, validator, kind }));
  });
}
