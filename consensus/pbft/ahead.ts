import type { SignedMessage } from '../../src/types/message.ts';
import type { Address, Millis } from '../../src/types/primitives.ts';
import type { ValidatorSet } from '../../src/types/validator.ts';
import type { EngineEffect } from '../api/effect.ts';
import { powerOf, quorumPower, totalPower } from '../common/quorum.ts';
import type { Statement } from './messages.ts';

/** Messages for heights to come that are kept of one validator: the latest. */
export const FUTURE_MESSAGES_PER_VALIDATOR_MAX = 16;
/** They are kept up to this far above the height under way. */
export const FUTURE_HEIGHTS_MAX = 2;
/** So long the decision of the height under way may still be on its way, before its block is asked for. */
const DECISION_GRACE_MS = 500;

type Early = { readonly message: SignedMessage; readonly statement: Statement };

/** What validators say of heights that this node has not reached: kept, and a sign that it lacks blocks. */
export class Ahead {
  readonly #early = new Map<Address, Early[]>();
  readonly #heights = new Map<Address, number>();
  #noticed: { readonly height: number; readonly at: Millis } | null = null;
  #reported: { readonly height: number; readonly at: Millis } | null = null;

  get size(): number {
    let size = 0;
    for (const list of this.#early.values()) size += list.length;
    return size;
  }

  /** A height too far ahead to be kept for: nothing so high was heard of this validator, or the host is to be reminded. */
  isOfUse(from: Address, height: number): boolean {
    return this.#noticed !== null || height > (this.#heights.get(from) ?? 0);
  }

  /** `statement` is of a height above `current`; the caller admits known validators only. */
  add(message: SignedMessage, statement: Statement, current: number): void {
    this.#heights.set(message.from, Math.max(statement.height, this.#heights.get(message.from) ?? 0));
    if (statement.kind === 'status' || statement.height > current + FUTURE_HEIGHTS_MAX) return;
    const list = this.#early.get(message.from) ?? [];
    this.#early.set(message.from, list);
    list.push({ message, statement });
    if (list.length > FUTURE_MESSAGES_PER_VALIDATOR_MAX) list.shift();
  }

  /** A height is reached: gives what was kept for it, and forgets that and everything below, and strangers. */
  reach(height: number, isKnown: (who: Address) => boolean): readonly Early[] {
    this.#noticed = null;
    const due: Early[] = [];
    for (const [from, list] of this.#early) {
      const left = list.filter(({ statement }) => statement.height > height);
      if (isKnown(from)) due.push(...list.filter(({ statement }) => statement.height === height));
      if (left.length > 0 && isKnown(from)) this.#early.set(from, left);
      else this.#early.delete(from);
    }
    for (const from of this.#heights.keys()) if (!isKnown(from)) this.#heights.delete(from);
    return due;
  }

  /** Tells the host when so many speak of later heights that one of them is honest, and no decision has come since. */
  lookAhead(validators: ValidatorSet, current: number, now: Millis): EngineEffect[] {
    const height = this.#trustedHeight(validators);
    if (height <= current) return [];
    this.#noticed ??= { height, at: now };
    const isUrgent = height > current + 1 || now >= this.#noticed.at + DECISION_GRACE_MS;
    const isNews = this.#reported === null || height > this.#reported.height;
    const isDue = isNews || now >= (this.#reported?.at ?? 0) + DECISION_GRACE_MS;
    if (!isUrgent || !isDue) return [];
    this.#reported = { height, at: now };
    return [{ type: 'behind', height }];
  }

  /** The highest height that more than a third of the power speaks of, or of one above it. */
  #trustedHeight(validators: ValidatorSet): number {
    const total = totalPower(validators);
    const heights = [...new Set(this.#heights.values())].sort((a, b) => b - a);
    const trusted = heights.find((height) => {
      const power = powerOf(validators, (address) => (this.#heights.get(address) ?? 0) >= height);
      return power > total - quorumPower(total);
    });
    return trusted ?? 0;
  }
}
