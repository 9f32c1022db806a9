import type { Address } from '../../src/types/primitives.ts';

/**
 * Whose turn it is (EIP-225, "Authorizing a block"). `authorities` are sorted by address, `recents` are the authors of
 * the latest blocks, newest first, as many as `recentsCount` asks for.
 */

/** A block in turn weighs more, so that of two branches the one made in order wins. */
export const IN_TURN_WEIGHT = 2n;
export const OUT_OF_TURN_WEIGHT = 1n;

/** Of this many consecutive blocks an authority may seal one; also the votes a proposal needs. */
export function signerLimit(authoritiesCount: number): number {
  return Math.floor(authoritiesCount / 2) + 1;
}

/** Authors of this many latest blocks may not seal the next one. */
export function recentsCount(authoritiesCount: number): number {
  return signerLimit(authoritiesCount) - 1;
}

/** null when there are no authorities. */
export function inTurn(authorities: readonly Address[], number: number): Address | null {
  return authorities[number % authorities.length] ?? null;
}

/** Those who may seal block `number`, first who is in turn (where allowed), then the following ones in turn. */
export function turnOrder(
  authorities: readonly Address[],
  recents: readonly Address[],
  number: number,
): readonly Address[] {
  if (authorities.length === 0) return [];
  const first = number % authorities.length;
  return [...authorities.slice(first), ...authorities.slice(0, first)].filter((address) => !recents.includes(address));
}

export function weightOf(authorities: readonly Address[], number: number, author: Address): bigint {
  return inTurn(authorities, number) === author ? IN_TURN_WEIGHT : OUT_OF_TURN_WEIGHT;
}

/** `recents` of a block, from its parent's and its own author. */
export function recentsAfter(
  recents: readonly Address[],
  author: Address,
  authoritiesCountAfter: number,
): readonly Address[] {
  return [author, ...recents].slice(0, recentsCount(authoritiesCountAfter));
}
