import type { MessageContext } from '../../src/codec/message.ts';
import { keccak256Bytes } from '../../src/crypto/keccak.ts';
import { addressOf } from '../../src/crypto/secp256k1.ts';
import { buildGenesis, genesisConsensus, type GenesisSpec } from '../../src/execution/genesis.ts';
import { engineRules, stakingRules } from '../../src/node/engine-rules.ts';
import { MessageVerifier } from '../../src/node/message-verifier.ts';
import { EMPTY_STATE_STORE } from '../../src/state/empty-store.ts';
import { StateLayer } from '../../src/state/layer.ts';
import { EMPTY_ROOT } from '../../src/types/account.ts';
import type { Address, Bytes, Hash, Millis, PeerId } from '../../src/types/primitives.ts';
import type { Role } from './adversaries.ts';
import { Checkers } from './checkers.ts';
import { EPOCH_MS } from './clock.ts';
import type { SimEngine } from './engines.ts';
import { Equivocator } from './equivocator.ts';
import { Flooder } from './flooder.ts';
import { Promiser } from './promiser.ts';
import { Statements } from './statements.ts';
import { Supply } from './supply.ts';
import type { Trace } from './trace.ts';
import { VoiceKey, type Voice, type VoiceMaker, type VoiceModules } from './voice.ts';
import { Withholder } from './withholder.ts';

/** What a cluster is made of, and does not change while it runs. */

export const CHAIN_ID = 31_337;
const ETHER = 10n ** 18n;
const GWEI = 10n ** 9n;

export function keyOf(seed: number, what: string): Bytes {
  return keccak256Bytes(Buffer.from(`simulated ${what} of seed ${seed}`));
}

/** An engine that counts work has no validators. */
export function genesisOf(engine: SimEngine, keys: readonly Bytes[], wallets: readonly Bytes[]): GenesisSpec {
  const { factory, params } = engine;
  const validators = factory.traits.usesWork ? [] : keys;
  const power = factory.staking?.rules(engine.parsed).stakeMinWei ?? 1n;
  return {
    chainId: CHAIN_ID,
    shard: 0,
    timeMs: EPOCH_MS,
    gasLimit: 30_000_000,
    baseFee: GWEI,
    alloc: new Map(wallets.map((key) => [addressOf(key), { balance: 1_000n * ETHER }])),
    validators: validators.map((key) => ({ address: addressOf(key), power, jailed: false })),
    engine: { id: factory.id, params },
  };
}

function contextOf({ factory }: SimEngine, { chainId, shard }: GenesisSpec, genesisHash: Hash): MessageContext {
  return { chainId, shard, engineId: factory.id, genesisHash };
}

/** Miners are equal; twins share what one has. null: it does no work. */
export function hashesPerSecondOf(engine: SimEngine, miners: number, kind: Role['kind']): number | null {
  if (!engine.factory.traits.usesWork || kind === 'candidate') return null;
  return engine.hashRate / miners / (kind === 'twin' ? 2 : 1);
}

export type VoiceOptions = {
  readonly engine: SimEngine;
  readonly genesis: GenesisSpec;
  readonly privateKey: Bytes;
  readonly holdMsMax: Millis;
};

const voices: { readonly [kind in Role['kind']]?: new (modules: VoiceModules) => Voice } = {
  equivocating: Equivocator,
  withholding: Withholder,
  flooding: Flooder,
  promising: Promiser,
};

export function voiceOf(kind: Role['kind'], options: VoiceOptions): VoiceMaker | null {
  const VoiceOfKind = voices[kind];
  if (VoiceOfKind === undefined) return null;
  const { engine, genesis, privateKey, holdMsMax } = options;
  const { testing, factory } = engine;
  return (modules, genesisHash) => {
    const key = new VoiceKey(privateKey, contextOf(engine, genesis, genesisHash));
    return new VoiceOfKind({ ...modules, key, testing, usesWork: factory.traits.usesWork, holdMsMax });
  };
}

export type CheckersOptions = {
  readonly engine: SimEngine;
  readonly genesis: GenesisSpec;
  readonly honest: ReadonlySet<Address>;
  readonly trace: Trace;
  /** Of validators or miners; that of the candidate comes last. */
  readonly keys: readonly Bytes[];
  readonly isHonest: (name: PeerId) => boolean;
};

export function checkersOf(options: CheckersOptions): {
  readonly checkers: Checkers;
  readonly statements: Statements;
} {
  const { engine, genesis, honest, trace, keys, isHonest } = options;
  const { factory, parsed } = engine;
  const staking = stakingRules(factory, parsed);
  const { hash } = buildGenesis(
    genesis,
    StateLayer.base(EMPTY_STATE_STORE, EMPTY_ROOT),
    factory.genesis(parsed, genesisConsensus(genesis, staking)),
    staking,
  );
  const context = contextOf(engine, genesis, hash);
  const rules = engineRules(factory, parsed, context);
  const verifier = new MessageVerifier(context);
  const violated = trace.violated.bind(trace);
  const addresses = keys.map(addressOf);
  const validators = new Set(genesis.validators.map(({ address }) => address).filter((address) => honest.has(address)));
  const verify = verifier.verify.bind(verifier);
  const statements = new Statements({ engine, judge: rules.judge, verify, honest, violated });
  const supply = new Supply({ genesis, genesisHash: hash, accounts: addresses }, { rules, violated });
  const nameOf = (author: Address): string => {
    const index = addresses.indexOf(author);
    return index === keys.length - 1 ? 'x' : `n${index}`;
  };
  // The candidate's messages count where it may be voted in.
  const votersMax = Math.max(1, genesis.validators.length + (factory.traits.takesProposals ? 1 : 0));
  const kept = engine.testing.kept ?? null;
  const modules = { trace, statements, supply, honest, validators, isHonest, nameOf };
  return { statements, checkers: new Checkers({ kept, votersMax }, modules) };
}
