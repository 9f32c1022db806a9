import type { ValidatorSet } from '../../src/types/validator.ts';
import type { Address } from '../../src/types/primitives.ts';

/**
 * Quorums by power. A quorum is MORE than two thirds, so any two of them share more than a third: with at most a third
 * faulty, they share somebody honest.
 */

/** Those who may author and vote: not jailed and not without power. */
export function activeValidators(set: ValidatorSet): ValidatorSet {
  return set.every((validator) => isActive(validator)) ? set : set.filter((validator) => isActive(validator));
}

function isActive(validator: ValidatorSet[number]): boolean {
  return !validator.jailed && validator.power > 0n;
}

export function totalPower(set: ValidatorSet): bigint {
  let total = 0n;
  for (const validator of set) total += validator.power;
  return total;
}

/** The power of those of the set for whom `has` holds. */
export function powerOf(set: ValidatorSet, has: (address: Address) => boolean): bigint {
  let power = 0n;
  for (const validator of set) if (has(validator.address)) power += validator.power;
  return power;
}

/** The least power that is more than two thirds of `total`. */
export function quorumPower(total: bigint): bigint {
  return (total * 2n) / 3n + 1n;
}

/** An empty set never has a quorum. */
export function hasQuorum(set: ValidatorSet, has: (address: Address) => boolean): boolean {
  return powerOf(set, has) >= quorumPower(totalPower(set));
}

export function sameValidators(a: ValidatorSet, b: ValidatorSet): boolean {
  if (a === b) return true;
  return (
    a.length === b.length &&
    a.every((left, i) => {
      const right = b[i];
      return (
        right !== undefined &&
        left.address === right.address &&
        left.power === right.power &&
        left.jailed === right.jailed
      );
    })
  );
}
