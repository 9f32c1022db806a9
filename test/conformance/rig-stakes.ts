import type { EngineCrypto, EngineFactory } from '../../consensus/api/engine.ts';
import type { SettledBlock, StakingSeam } from '../../consensus/api/staking.ts';
import type { Candidate } from '../../src/types/staking.ts';
import type { ConsensusState, ValidatorSet } from '../../src/types/validator.ts';

/** What a rig's validators weigh: stake, where that is what counts. */
export function rigPower(factory: EngineFactory, params: unknown): bigint {
  return factory.staking?.rules(params).stakeMinWei ?? 1n;
}

export function genesisOf(
  factory: EngineFactory,
  params: unknown,
  genesis: { readonly timeMs: number; readonly validators: ValidatorSet },
): ConsensusState {
  const bare = { validators: genesis.validators, votes: [] };
  const { staking } = factory;
  if (staking === undefined) return bare;
  const validators = staking.elect(params, candidatesOf(genesis.validators), bare, 0);
  return { validators, votes: [], engine: staking.genesis(params, { timeMs: genesis.timeMs, validators }) };
}

/** The smallest staking contract there can be: who is in stays in with the same stake; only being jailed shows. */
export function settledBy(
  staking: StakingSeam<unknown>,
  params: unknown,
  before: ConsensusState,
  block: SettledBlock,
  crypto: EngineCrypto,
): ConsensusState {
  const { engine, movements, epoch } = staking.settle(params, before, block, crypto);
  const jailed = new Set(movements.filter(({ jail }) => jail).map(({ validator }) => validator));
  const validators = before.validators.map((v) => (jailed.has(v.address) ? { ...v, jailed: true } : v));
  if (epoch === null) return { validators, votes: [], engine };
  return { validators: staking.elect(params, candidatesOf(validators), before, epoch), votes: [], engine };
}

function candidatesOf(validators: ValidatorSet): Candidate[] {
  return validators.map(({ address, power, jailed }) => ({
    address,
    ownWei: power,
    delegatedWei: 0n,
    status: 'active',
    jailed,
  }));
}
