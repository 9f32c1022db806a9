import type { Micros } from './algorithm.ts';
import type { CounterEntry } from './counter-codec.ts';
import type { BucketState, TokenBucket } from './token-bucket.ts';

/** In how many messages each admitted call is told: two that are lost in a row do no harm. */
export const TELLINGS = 3;

/** What another node is known to have admitted; `incarnation`: in which of its lives. */
type Known = { incarnation: number; total: number };

/** One client on one node of a fleet: its bucket, this node's own counter, and what is known of the other nodes' counters. */
export class Tally {
  readonly tag: string;
  readonly rule: TokenBucket;
  state: BucketState;
  /** When another node was last heard of it. */
  heardAt: Micros;
  #total: number;
  /** The totals that were told last, the oldest first. */
  #told: number[];
  readonly #known = new Map<string, Known>();

  /** `base`: no less than any total that this node ever told of this client. */
  constructor(tag: string, rule: TokenBucket, state: BucketState, base: number) {
    this.tag = tag;
    this.rule = rule;
    this.state = state;
    this.heardAt = state.at;
    this.#total = base;
    this.#told = Array.from({ length: TELLINGS }, () => base);
  }

  /** Something was not yet told as often as it should be. */
  get isPending(): boolean {
    return this.#total > (this.#told[0] ?? 0);
  }

  /** What was never told. */
  get untold(): number {
    return this.#total - (this.#told.at(-1) ?? 0);
  }

  add(weight: number): void {
    this.#total += weight;
  }

  /** What to tell now. */
  tell(): CounterEntry {
    const [base = 0, ...later] = this.#told;
    this.#told = [...later, this.#total];
    return { tag: this.tag, base, total: this.#total };
  }

  /** How much of what a node tells was not known. Counters only grow, so order and repetition do not matter. */
  learn(node: string, incarnation: number, { base, total }: CounterEntry): number {
    const known = this.#known.get(node);
    if (known === undefined || known.incarnation !== incarnation) {
      this.#known.set(node, { incarnation, total });
      return total - base;
    }
    const news = total - Math.max(known.total, base);
    known.total = Math.max(known.total, total);
    return Math.max(0, news);
  }
}
