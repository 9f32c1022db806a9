/** Why a call of the staking contract is turned down. Never given a new meaning. */
export type StakeRefusalCode =
  | 'FUNCTION_UNKNOWN'
  | 'ARGUMENTS_MALFORMED'
  /** Coins came with a function that takes none. */
  | 'NOT_PAYABLE'
  /** STATICCALL of a function that changes something. */
  | 'CALL_STATIC'
  | 'STAKE_BELOW_MINIMUM'
  | 'AMOUNT_ZERO'
  | 'COMMISSION_TOO_HIGH'
  | 'POSSESSION_NOT_PROVEN'
  | 'VALIDATOR_KEY_USED'
  | 'VALIDATOR_UNKNOWN'
  /** It is exiting or has exited. */
  | 'VALIDATOR_LEAVING'
  | 'VALIDATOR_NOT_JAILED'
  | 'JAIL_TOO_EARLY'
  | 'OWNER_ONLY'
  | 'DELEGATION_BELOW_MINIMUM'
  | 'DELEGATION_TOO_SMALL'
  /** More than the books have room for. */
  | 'AMOUNT_TOO_LARGE'
  | 'UNBONDING_TOO_MANY'
  | 'WITHDRAWAL_TOO_EARLY'
  | 'WITHDRAWAL_NOTHING'
  | 'INDEX_OUT_OF_RANGE';

/** The call reverts, with `CODE: what to do` as its reason. */
export class StakeRefusal extends Error {
  readonly code: StakeRefusalCode;

  constructor(code: StakeRefusalCode, what: string) {
    super(`${code}: ${what}`);
    this.name = 'StakeRefusal';
    this.code = code;
  }
}
