import type { SignedMessage } from '../../src/types/message.ts';
import type { Address, Hash, Millis } from '../../src/types/primitives.ts';
import type { ValidatorSet } from '../../src/types/validator.ts';
import type { Statement } from './messages.ts';

/** Who committed a block, latecomers included. */
export type Decision = {
  readonly number: number;
  readonly hash: Hash;
  readonly at: Millis;
  readonly validators: ValidatorSet;
  readonly committers: Set<Address>;
};

/** Both of the last decisions are wanted: while COMMITs for the last are still on their way, the one before tells who is there. */
const DECISIONS_KEPT = 2;

/** The latest decisions, and who had a part in them: for people. */
export class Decisions {
  readonly #latest: Decision[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get last(): Decision | null {
    return this.#latest[0] ?? null;
  }

  get beforeLast(): Decision | null {
    return this.#latest[1] ?? null;
  }

  add(decision: Decision): void {
    this.#count++;
    this.#latest.unshift(decision);
    this.#latest.length = Math.min(this.#latest.length, DECISIONS_KEPT);
  }

  /** A COMMIT for a block that is decided already. */
  isLate(statement: Statement): boolean {
    return statement.kind === 'commit' && this.#latest.some(({ hash }) => hash === statement.hash);
  }

  late({ from }: SignedMessage, statement: Statement): void {
    if (statement.kind !== 'commit') return;
    for (const { hash, committers } of this.#latest) if (hash === statement.hash) committers.add(from);
  }
}
