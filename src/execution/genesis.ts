/**
 * The first block. Its hash is the name of the network: it commits through the state root to every account and validator and, by a
 * hash kept in the consensus account, to the chain id, the shard, the engine and its parameters. Nodes that differ in any of these
 * find different genesis hashes and refuse each other.
 */
import { EMPTY_CONSENSUS_ROOT, headerHash } from '../codec/block.ts';
import { EMPTY_BLOOM } from '../codec/bloom.ts';
import { keccak256 } from '../crypto/keccak.ts';
import type { StateLayer } from '../state/layer.ts';
import { StateOverlay } from '../state/overlay.ts';
import { EMPTY_ACCOUNT, EMPTY_ROOT } from '../types/account.ts';
import type { Block, Header } from '../types/block.ts';
import { ZERO_ADDRESS, ZERO_HASH, type Address, type Bytes, type Hash, type JsonValue } from '../types/primitives.ts';
import type { Candidate } from '../types/staking.ts';
import type { ConsensusState, Validator } from '../types/validator.ts';
import { ConfigError } from '../util/errors.ts';
import { isHex } from '../util/hex.ts';
import { canonicalJson } from './canonical-json.ts';
import { writeConfigurationHash, writeConsensusState } from './consensus-account.ts';
import { TRANSFER_GAS } from './fees.ts';
import type { BoundStaking } from './rules.ts';
import { writeGenesisStake } from './staking/genesis.ts';
import { isReservedAddress } from './system-contracts.ts';

export type GenesisAccount = {
  /** In wei. */
  readonly balance: bigint;
  readonly nonce?: number;
  readonly code?: Bytes;
  readonly storage?: ReadonlyMap<Hash, Hash>;
};

export type GenesisSpec = {
  readonly chainId: number;
  readonly shard: number;
  readonly timeMs: number;
  /** Of this and every later block. */
  readonly gasLimit: number;
  /** Base fee of the genesis block, in wei. */
  readonly baseFee: bigint;
  readonly alloc: ReadonlyMap<Address, GenesisAccount>;
  readonly validators: readonly Validator[];
  readonly engine: { readonly id: string; readonly params: JsonValue };
};

export type Genesis = {
  readonly block: Block;
  readonly hash: Hash;
  readonly state: StateLayer;
  readonly consensus: ConsensusState;
};

/** Names the rules of execution; another number is another network. */
const RULES_VERSION = 1;
/** All coins there are at the start, at most: rewards have as much room again. */
const SUPPLY_WEI_MAX = 2n ** 255n;
/** Deployed code never starts with it (EIP-3541): the EVM library reads more into it than we want. */
const RESERVED_CODE_BYTE = 0xef;

/**
 * What the engine's `genesis` is given: validators ordered by address, no votes, under stake the engine's own part. Throws ConfigError on
 * a validator named twice.
 */
export function genesisConsensus(
  spec: Pick<GenesisSpec, 'timeMs' | 'validators'>,
  staking?: BoundStaking,
): ConsensusState {
  const validators = byAddress(spec.validators);
  for (const [index, validator] of validators.entries()) {
    if (validator.address === validators[index + 1]?.address) {
      throw new ConfigError(`validator ${validator.address} is named twice`, { path: 'validators' });
    }
  }
  if (staking === undefined) return { validators, votes: [] };
  // Who has a say from the start is elected like everybody later.
  const elected = staking.elect(validators.map(candidateOf), { validators, votes: [] }, 0);
  return { validators: elected, votes: [], engine: staking.genesis({ timeMs: spec.timeMs, validators: elected }) };
}

function byAddress(validators: readonly Validator[]): readonly Validator[] {
  return [...validators].sort((a, b) => (a.address < b.address ? -1 : 1));
}

function candidateOf({ address, power, jailed }: Validator): Candidate {
  return { address, ownWei: power, delegatedWei: 0n, status: 'active', jailed };
}

/**
 * Deterministic. `base` is the empty state; `engine` are the engine's own fields, made from `genesisConsensus(spec, staking)`. Under stake
 * validators hold their power as stake, beside what `alloc` gives. Throws ConfigError whose data.path names what cannot be.
 */
export function buildGenesis(
  spec: GenesisSpec,
  base: StateLayer,
  engine: { readonly extra: Bytes; readonly seal: Bytes },
  staking?: BoundStaking,
): Genesis {
  checkSpec(spec, staking !== undefined);
  const overlay = new StateOverlay(base);
  const consensus = genesisConsensus(spec, staking);
  if (staking !== undefined) writeGenesisStake(overlay, staking.rules, byAddress(spec.validators));
  for (const [address, account] of spec.alloc) allocate(overlay, address, account);
  writeConsensusState(overlay, consensus);
  writeConfigurationHash(overlay, configurationHash(spec));
  const state = base.child(overlay.diff());
  const header: Header = {
    parentHash: ZERO_HASH,
    beneficiary: ZERO_ADDRESS,
    stateRoot: state.root,
    transactionsRoot: EMPTY_ROOT,
    receiptsRoot: EMPTY_ROOT,
    logsBloom: EMPTY_BLOOM,
    number: 0,
    gasLimit: spec.gasLimit,
    gasUsed: 0,
    timeMs: spec.timeMs,
    baseFeePerGas: spec.baseFee,
    consensusRoot: EMPTY_CONSENSUS_ROOT,
    extra: engine.extra,
    seal: engine.seal,
  };
  const block: Block = { header, body: { transactions: [], evidence: [], votes: [] } };
  return { block, hash: headerHash(header), state, consensus };
}

/** keccak256 of the canonical JSON of what must be alike on all nodes and shows nowhere else in the block. */
export function configurationHash(spec: Pick<GenesisSpec, 'chainId' | 'shard' | 'engine'>): Hash {
  const { chainId, shard, engine } = spec;
  const text = canonicalJson({
    rules: RULES_VERSION,
    chainId,
    shard,
    engine: { id: engine.id, params: engine.params },
  });
  return keccak256(Buffer.from(text));
}

function allocate(overlay: StateOverlay, address: Address, account: GenesisAccount): void {
  const { balance, nonce = 0, code = new Uint8Array(0) } = account;
  // EIP-161: an account without anything does not exist.
  if (nonce === 0 && balance === 0n && code.length === 0) return;
  overlay.setAccount(address, { ...EMPTY_ACCOUNT, nonce, balance });
  overlay.setCode(address, code);
  for (const [slot, value] of account.storage ?? []) overlay.setStorage(address, slot, value);
}

/** `isStake`: the validators' power is coins. */
function checkSpec(spec: GenesisSpec, isStake: boolean): void {
  checkInteger('chainId', spec.chainId, 1);
  checkInteger('shard', spec.shard, 0);
  checkInteger('timeMs', spec.timeMs, 0);
  checkInteger('gasLimit', spec.gasLimit, TRANSFER_GAS);
  if (spec.baseFee < 0n || spec.baseFee >= SUPPLY_WEI_MAX) fail('baseFee', 'must be a price in wei');
  let supply = 0n;
  for (const [address, account] of spec.alloc) {
    checkAccount(address, account);
    supply += account.balance;
  }
  if (isStake) for (const { power } of spec.validators) supply += power;
  if (supply >= SUPPLY_WEI_MAX) fail('alloc', 'together the balances and all stake must stay under 2^255 wei');
}

function checkAccount(address: Address, account: GenesisAccount): void {
  const path = `alloc.${address}`;
  if (!isHex(address, 20) || address !== address.toLowerCase()) fail(path, 'must be an address in lower case');
  if (isReservedAddress(address)) fail(path, 'is a system address: nothing could ever spend from it');
  if (account.balance < 0n) fail(`${path}.balance`, 'must not be negative');
  if (account.nonce !== undefined) checkInteger(`${path}.nonce`, account.nonce, 0);
  if (account.code?.[0] === RESERVED_CODE_BYTE) fail(`${path}.code`, 'must not start with 0xef (EIP-3541)');
}

function checkInteger(path: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) fail(path, `must be a whole number of at least ${least}`);
}

function fail(path: string, what: string): never {
  throw new ConfigError(`genesis: ${path} ${what}`, { path });
}
