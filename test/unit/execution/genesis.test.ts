import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../../src/execution/canonical-json.ts';
import { readConfigurationHash, readConsensusState } from '../../../src/execution/consensus-account.ts';
import {
  buildGenesis,
  configurationHash,
  genesisConsensus,
  type GenesisAccount,
  type GenesisSpec,
} from '../../../src/execution/genesis.ts';
import { CONSENSUS_ADDRESS } from '../../../src/execution/rules.ts';
import type { Address, Hash } from '../../../src/types/primitives.ts';
import { emptyState, ETHER, key, NO_BYTES, testGenesisSpec, word } from './support.ts';

const ENGINE = { extra: Uint8Array.of(1), seal: NO_BYTES };

function hashOf(overrides: Partial<GenesisSpec>, engine = ENGINE): Hash {
  return buildGenesis(testGenesisSpec(overrides), emptyState(), engine).hash;
}

describe('buildGenesis', () => {
  it('allocates accounts, code and storage', () => {
    const address: Address = `0x${'c0'.repeat(20)}`;
    const account = { balance: ETHER, nonce: 1, code: Uint8Array.of(0x5f), storage: new Map([[word(1), word(2)]]) };
    const alloc = new Map<Address, GenesisAccount>([
      [address, account],
      [key(0).address, { balance: 0n }],
    ]);
    const { state, block, consensus } = buildGenesis(testGenesisSpec({ alloc }), emptyState(), ENGINE);
    const stored = state.account(address);
    expect(stored).toMatchObject({ nonce: 1, balance: ETHER });
    expect(state.code(stored?.codeHash ?? word(0))).toEqual(account.code);
    expect(state.storage(address, word(1))).toBe(word(2));
    expect(state.account(key(0).address)).toBeUndefined();
    expect(block.header).toMatchObject({ number: 0, stateRoot: state.root, extra: ENGINE.extra });
    expect(readConsensusState(state)).toEqual(consensus);
    expect(readConfigurationHash(state)).toBe(configurationHash(testGenesisSpec()));
  });

  it('is the same again, and in any order of accounts and keys', () => {
    const spec = testGenesisSpec();
    const reversed = {
      alloc: new Map([...spec.alloc].reverse()),
      validators: [...spec.validators].reverse(),
      engine: { id: 'test', params: { b: [1, { y: 1, x: null }], a: 'text' } },
    };
    const straight = { engine: { id: 'test', params: { a: 'text', b: [1, { x: null, y: 1 }] } } };
    expect(hashOf(reversed)).toBe(hashOf(straight));
  });

  it.for([
    ['chain id', { chainId: 1 }],
    ['shard', { shard: 1 }],
    ['time', { timeMs: 5 }],
    ['gas limit', { gasLimit: 29_000_000 }],
    ['base fee', { baseFee: 7n }],
    ['accounts', { alloc: new Map() }],
    ['validators', { validators: [] }],
    ['engine', { engine: { id: 'other', params: { period: 1 } } }],
    ['parameters', { engine: { id: 'test', params: { period: 2 } } }],
  ] as const)('has another hash with another %s', ([, overrides]) => {
    expect(hashOf(overrides)).not.toBe(hashOf({}));
  });

  it('has another hash with other fields of the engine', () => {
    expect(hashOf({}, { ...ENGINE, seal: Uint8Array.of(1) })).not.toBe(hashOf({}));
  });

  it.for([
    ['chainId', { chainId: 0 }],
    ['gasLimit', { gasLimit: 20_000 }],
    [`alloc.${CONSENSUS_ADDRESS}`, { alloc: new Map([[CONSENSUS_ADDRESS, { balance: 1n }]]) }],
    ['alloc', { alloc: new Map([[key(0).address, { balance: 2n ** 255n }]]) }],
    [`alloc.${key(0).address}.balance`, { alloc: new Map([[key(0).address, { balance: -1n }]]) }],
    [
      `alloc.${key(0).address}.code`,
      { alloc: new Map([[key(0).address, { balance: 1n, code: Uint8Array.of(0xef) }]]) },
    ],
    ['alloc.0xABC', { alloc: new Map([['0xABC' as const, { balance: 1n }]]) }],
  ] as const)('refuses a bad %s by name', ([path, overrides]) => {
    expect(() => hashOf(overrides)).toThrow(expect.objectContaining({ code: 'CONFIG', data: { path } }));
  });

  it('refuses a validator named twice', () => {
    const validator = { address: key(0).address, power: 1n, jailed: false };
    expect(() => genesisConsensus({ timeMs: 0, validators: [validator, validator] })).toThrow(
      expect.objectContaining({ code: 'CONFIG' }),
    );
  });
});

describe('canonicalJson', () => {
  it('sorts keys at every depth and has no white space', () => {
    expect(canonicalJson({ b: [true, null, { d: 1, c: 'é"' }], a: {}, A: -0.5 })).toBe(
      '{"A":-0.5,"a":{},"b":[true,null,{"c":"é\\"","d":1}]}',
    );
  });
});
