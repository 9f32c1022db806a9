import type { Address } from '../../src/types/primitives.ts';
import { Lru } from '../../src/util/lru.ts';

const PLACES_MAX = 1024;

/**
 * Blocks whose execution failed, by author and place (a height or a slot). Each has cost every node an execution and leaves no trace in the tree, so
 * whoever may make a few blocks in a place must have these counted among them.
 */
export class FailedBlocks {
  readonly #counts = new Lru<string, number>(PLACES_MAX);

  note(author: Address, place: number): void {
    this.#counts.set(`${author}/${place}`, this.count(author, place) + 1);
  }

  count(author: Address, place: number): number {
    return this.#counts.get(`${author}/${place}`) ?? 0;
  }
}
