import type { Address } from '../../../../src/types/primitives.ts';
import type { StakingRules } from '../../../../src/types/staking.ts';

/**
 * The staking contract as one would do it on paper: an amount for each delegation and each unbonding, no shares, no pools, floating
 * coins. What the contract says must be within roundings of it.
 */
export type ModelValidator = {
  readonly owner: Address;
  readonly commission: number;
  own: number;
  readonly delegations: Map<Address, number>;
  unbondings: { readonly who: Address; readonly epoch: number; coins: number }[];
  slashed: { readonly epoch: number; readonly stake: number } | null;
  delegatorsPaidEpoch: number | null;
};

/** What the model is told rather than finding out: whose turn it was. */
export type Turn = { readonly isSeated: boolean; readonly withdrawableEpoch: number | null };

const COIN = 1e18;

export class Model {
  readonly validators = new Map<Address, ModelValidator>();
  epoch = 0;
  /** The most that all had at stake when one was listed. */
  #allListed = 0;
  readonly #rules: StakingRules;

  constructor(rules: StakingRules) {
    this.#rules = rules;
  }

  deposit(validator: Address, owner: Address, coins: number, commission: number): void {
    this.validators.set(validator, {
      owner,
      commission,
      own: coins,
      delegations: new Map(),
      unbondings: [],
      slashed: null,
      delegatorsPaidEpoch: null,
    });
  }

  topUp(validator: Address, coins: number): void {
    this.#at(validator).own += coins;
  }

  delegate(validator: Address, who: Address, coins: number): void {
    const { delegations } = this.#at(validator);
    delegations.set(who, (delegations.get(who) ?? 0) + coins);
  }

  undelegate(validator: Address, who: Address, coins: number, { withdrawableEpoch }: Turn): void {
    const { delegations, unbondings } = this.#at(validator);
    delegations.set(who, (delegations.get(who) ?? 0) - coins);
    const earliest = withdrawableEpoch ?? this.epoch + 1 + this.#rules.unbondingEpochs;
    const epochs = unbondings.filter((one) => one.who === who).map(({ epoch }) => epoch);
    unbondings.push({ who, coins, epoch: Math.max(earliest, ...epochs) });
  }

  /** What is paid. */
  withdraw(validator: Address, who: Address, { withdrawableEpoch }: Turn): number {
    const at = this.#at(validator);
    const isDue = (one: ModelValidator['unbondings'][number]): boolean => one.who === who && one.epoch <= this.epoch;
    let paid = at.unbondings.filter(isDue).reduce((sum, { coins }) => sum + coins, 0);
    at.unbondings = at.unbondings.filter((one) => !isDue(one));
    if (at.owner === who && withdrawableEpoch !== null && withdrawableEpoch <= this.epoch) {
      paid += at.own;
      at.own = 0;
    }
    return paid;
  }

  move(validator: Address, reward: number, penalty: number, isGone: boolean): void {
    const at = this.#at(validator);
    const rewarded = isGone && this.#stake(at) < 1 / COIN ? 0 : reward;
    const all = this.#stake(at);
    const part = all === 0 ? 0 : (rewarded * (all - at.own)) / all;
    const factor = all - at.own === 0 ? 1 : 1 + (part * (1 - at.commission)) / (all - at.own);
    for (const [who, coins] of at.delegations) at.delegations.set(who, coins * factor);
    at.own += rewarded - part * (1 - at.commission);
    const after = this.#stake(at);
    const left = after === 0 ? 0 : Math.max(0, 1 - penalty / after);
    at.own *= left;
    for (const [who, coins] of at.delegations) at.delegations.set(who, coins * left);
  }

  /** `seatedStake`: of all that have a say, in coins. */
  slash(validator: Address, isSurround: boolean, epoch: number, turn: Turn & { readonly seatedStake: number }): void {
    const at = this.#at(validator);
    const { isSeated, seatedStake } = turn;
    if (![...this.validators.values()].some((one) => this.#isRecent(one))) this.#allListed = 0;
    const all = Math.max(this.#allListed, seatedStake + (isSeated ? 0 : this.#stake(at)));
    const { rules, isRecent } = { rules: this.#rules, isRecent: this.#isRecent.bind(this) };
    const others = [...this.validators.values()]
      .filter((other) => other !== at && isRecent(other))
      .reduce((sum, { slashed }) => sum + (slashed?.stake ?? 0), 0);
    const correlation = all === 0 ? 0 : at.own * rules.correlationMultiplier * Math.min(1, others / all);
    const base = Number(isSurround ? rules.surroundPenaltyWei : rules.doubleSignPenaltyWei) / COIN;
    if (isSeated && !isRecent(at)) {
      at.slashed = { epoch: this.epoch, stake: this.#stake(at) };
      this.#allListed = Math.max(this.#allListed, seatedStake);
    }
    const penalty = base + Math.min(correlation, at.own);
    const own = Math.min(at.own, penalty);
    at.own -= own;
    if (at.delegatorsPaidEpoch === this.epoch) return;
    const first = Math.max(epoch + rules.unbondingEpochs, this.epoch) + 1;
    const liable = at.unbondings.filter((one) => one.epoch >= Math.min(first, turn.withdrawableEpoch ?? Infinity));
    const rest = [...at.delegations.values(), ...liable.map(({ coins }) => coins)].reduce(
      (sum, coins) => sum + coins,
      0,
    );
    const left = rest === 0 ? 1 : Math.max(0, 1 - (penalty - own) / rest);
    if (left < 1) at.delegatorsPaidEpoch = this.epoch;
    for (const [who, coins] of at.delegations) at.delegations.set(who, coins * left);
    for (const one of liable) one.coins *= left;
  }

  /** What is left where floating coins should have come to nothing. */
  sweep(): void {
    for (const at of this.validators.values()) {
      at.own = withoutResidue(at.own);
      for (const [who, coins] of at.delegations) at.delegations.set(who, withoutResidue(coins));
      for (const one of at.unbondings) one.coins = withoutResidue(one.coins);
    }
  }

  owed(validator: Address, who: Address): number {
    const at = this.#at(validator);
    const unbonding = at.unbondings.filter((one) => one.who === who).reduce((sum, { coins }) => sum + coins, 0);
    return (at.owner === who ? at.own : 0) + (at.delegations.get(who) ?? 0) + unbonding;
  }

  #isRecent({ slashed }: ModelValidator): boolean {
    return slashed !== null && slashed.epoch + this.#rules.unbondingEpochs >= this.epoch;
  }

  #stake({ own, delegations }: ModelValidator): number {
    return [...delegations.values()].reduce((sum, coins) => sum + coins, own);
  }

  #at(validator: Address): ModelValidator {
    const found = this.validators.get(validator);
    if (found === undefined) throw new Error(`the model has no ${validator}`);
    return found;
  }
}

function withoutResidue(coins: number): number {
  return coins < 1e-9 ? 0 : coins;
}
