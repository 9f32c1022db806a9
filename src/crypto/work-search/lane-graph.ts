/**
 * A computation on 32-bit words, built once and split by when its parts are known: constants at once, what belongs to one
 * job (`job`) when that begins, and what differs between nonces (`lane`) in the search itself. Only the last kind costs
 * time, so whatever can move to an earlier one does.
 */
export type Op = 'add' | 'xor' | 'and' | 'or' | 'shl' | 'shr';

export type Word =
  | { readonly when: 'always'; readonly value: number }
  | { readonly when: 'job'; readonly index: number }
  | Lane;

/** One word in each lane. `inputs` is empty for the nonce itself. */
export type Lane = {
  readonly when: 'lane';
  readonly op: Op | 'nonce';
  readonly inputs: readonly Word[];
  /** In bits, for shifts. */
  readonly shift: number;
};

type JobStep = { readonly op: Op; readonly a: Word; readonly b: Word };

const apply: { readonly [op in Op]: (a: number, b: number) => number } = {
  add: (a, b) => (a + b) | 0,
  xor: (a, b) => a ^ b,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  shl: (a, b) => a << b,
  shr: (a, b) => (a >>> b) | 0,
};

export class LaneGraph {
  /** In the order of making: inputs stand before what needs them. */
  readonly lanes: Lane[] = [];
  readonly nonce: Lane = { when: 'lane', op: 'nonce', inputs: [], shift: 0 };
  readonly #inputsCount: number;
  readonly #jobSteps: JobStep[] = [];

  /** `inputsCount`: words given for each job. */
  constructor(inputsCount: number) {
    this.#inputsCount = inputsCount;
  }

  get jobWordsCount(): number {
    return this.#inputsCount + this.#jobSteps.length;
  }

  always(value: number): Word {
    return { when: 'always', value: value | 0 };
  }

  input(index: number): Word {
    return { when: 'job', index };
  }

  /** The sum, with all that is known early added up first. */
  sum(...terms: readonly Word[]): Word {
    const order = { always: 0, job: 1, lane: 2 } as const;
    const [first = this.always(0), ...rest] = [...terms].sort((a, b) => order[a.when] - order[b.when]);
    const early = rest.filter(({ when }) => when !== 'lane');
    const lanes = [first, ...rest].filter(({ when }) => when === 'lane');
    if (first.when === 'lane') return lanes.slice(1).reduce((a, b) => this.#binary('add', a, b), first);
    const known = early.reduce((a, b) => this.#binary('add', a, b), first);
    return lanes.reduceRight((a, b) => this.#binary('add', a, b), known);
  }

  xor(a: Word, b: Word): Word {
    return this.#binary('xor', a, b);
  }

  and(a: Word, b: Word): Word {
    return this.#binary('and', a, b);
  }

  shr(a: Word, bits: number): Word {
    return this.#binary('shr', a, this.always(bits));
  }

  rotr(a: Word, bits: number): Word {
    const [right, left] = [this.always(bits), this.always(32 - bits)];
    return this.#binary('or', this.#binary('shr', a, right), this.#binary('shl', a, left));
  }

  /** Every job word, from those given. */
  jobWords(inputs: readonly number[]): Int32Array {
    const words = new Int32Array(this.jobWordsCount);
    words.set(inputs.slice(0, this.#inputsCount));
    const valueOf = (word: Word): number =>
      word.when === 'always' ? word.value : word.when === 'job' ? (words[word.index] ?? 0) : 0;
    for (const [i, { op, a, b }] of this.#jobSteps.entries()) {
      words[this.#inputsCount + i] = apply[op](valueOf(a), valueOf(b));
    }
    return words;
  }

  #binary(op: Op, a: Word, b: Word): Word {
    if (a.when === 'always' && b.when === 'always') return this.always(apply[op](a.value, b.value));
    if (op === 'add' || op === 'xor') {
      if (a.when === 'always' && a.value === 0) return b;
      if (b.when === 'always' && b.value === 0) return a;
    }
    if (a.when !== 'lane' && b.when !== 'lane') {
      this.#jobSteps.push({ op, a, b });
      return { when: 'job', index: this.jobWordsCount - 1 };
    }
    const isShift = op === 'shl' || op === 'shr';
    const shift = isShift && b.when === 'always' ? b.value : 0;
    const lane: Lane = { when: 'lane', op, inputs: isShift ? [a] : [a, b], shift };
    this.lanes.push(lane);
    return lane;
  }
}
