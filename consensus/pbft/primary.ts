import type { Address } from '../../src/types/primitives.ts';
import type { ValidatorSet } from '../../src/types/validator.ts';
import type { ProposerOrder } from './params.ts';

/**
 * Who leads a view. `validators`: the active ones after the parent, by address. `parentAuthor` null, or not among them:
 * counting starts at the first. null when there is nobody.
 */
export function primaryOf(
  validators: ValidatorSet,
  parentAuthor: Address | null,
  view: number,
  order: ProposerOrder,
): Address | null {
  const author = validators.findIndex(({ address }) => address === parentAuthor);
  const start = Math.max(author, 0) + (order === 'rotating' ? 1 : 0);
  return validators[(start + view) % validators.length]?.address ?? null;
}
