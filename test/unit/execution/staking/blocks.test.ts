import { decodeEventLog, decodeFunctionResult, encodeFunctionData } from 'viem';
import { describe, expect, it } from 'vitest';
import { decodeRevertReason } from '../../../../src/codec/abi.ts';
import { decodeAccount } from '../../../../src/codec/account.ts';
import { creationAddress } from '../../../../src/execution/apply-transaction.ts';
import { buildBlock } from '../../../../src/execution/build-block.ts';
import { simulate } from '../../../../src/execution/call.ts';
import { readConsensusState } from '../../../../src/execution/consensus-account.ts';
import type { Executed, ParentState } from '../../../../src/execution/execute-block.ts';
import { buildGenesis, genesisConsensus } from '../../../../src/execution/genesis.ts';
import { STAKING_ADDRESS, type BoundStaking, type ConsensusRules } from '../../../../src/execution/rules.ts';
import { stakingContracts } from '../../../../src/execution/staking/contract.ts';
import type { StateLayer } from '../../../../src/state/layer.ts';
import type { Evidence, Offence } from '../../../../src/types/evidence.ts';
import type { Bytes, Hex } from '../../../../src/types/primitives.ts';
import type { StakeMovement } from '../../../../src/types/staking.ts';
import { fromHex, toHex } from '../../../../src/util/hex.ts';
import {
  advance,
  balanceOf,
  BENEFICIARY,
  CHAIN_ID,
  deployer,
  emptyState,
  ETHER,
  idleRules,
  key,
  NO_BYTES,
  signed,
  sourceOf,
  testEnv,
  testGenesisSpec,
  word,
} from '../support.ts';
import { ANY_ABI, proofOf, RULES, VIEM_ABI } from './desk.ts';

const [alice, bob, carol, user] = [key(0), key(1), key(2), key(9)];

/** An epoch has two blocks; in its first everybody who stood by earns a coin. Its part of the state counts blocks. */
const staking: BoundStaking = {
  rules: RULES,
  genesis: ({ validators }) => Uint8Array.of(0, validators.length),
  settle: (before, { number }) => {
    const isFirst = number % 2 === 0;
    const movements = before.validators.map(({ address }): StakeMovement => ({
      validator: address,
      rewardWei: ETHER,
      penaltyWei: 1n,
      jail: false,
    }));
    return {
      engine: Uint8Array.of(number, before.engine?.[1] ?? 0xff),
      movements: isFirst ? movements : [],
      epoch: isFirst ? number / 2 : null,
    };
  },
  elect: (candidates) =>
    candidates
      .filter(({ status }) => status !== 'pending')
      .map(({ address, ownWei, delegatedWei, jailed }) => ({ address, power: ownWei + delegatedWei, jailed })),
};

const rules: ConsensusRules = {
  ...idleRules,
  advance: () => {
    throw new Error('not under stake');
  },
  judge: ({ offender, first }): Offence => ({
    offender,
    code: 'DOUBLE_VOTE',
    height: first[0] ?? 0,
    epoch: first[1] ?? 0,
  }),
  blockReward: () => 3n,
  staking,
};
const env = testEnv({ rules, systemContracts: stakingContracts({ chainId: CHAIN_ID }, rules) });

const spec = testGenesisSpec({
  validators: [
    { address: alice.address, power: 100n * ETHER, jailed: false },
    { address: bob.address, power: 50n * ETHER, jailed: false },
  ],
});

function genesis(): ParentState {
  const { block, hash, state, consensus } = buildGenesis(
    spec,
    emptyState(),
    { extra: NO_BYTES, seal: NO_BYTES },
    staking,
  );
  return { header: block.header, hash, state, consensus };
}

function input(functionName: string, args: readonly unknown[]): Bytes {
  return fromHex(encodeFunctionData({ abi: ANY_ABI, functionName, args }));
}

function supplyOf(state: StateLayer): bigint {
  const trie = state.accountTrie();
  let sum = 0n;
  for (const name of trie.keys()) sum += decodeAccount(trie.get(name) ?? NO_BYTES).balance;
  return sum;
}

function expectConserved(before: StateLayer, { state, feesBurned, destroyed, issued }: Executed): void {
  expect(supplyOf(state) + feesBurned + destroyed).toBe(supplyOf(before) + issued);
}

async function ask(at: ParentState, functionName: string, args: readonly unknown[]): Promise<unknown> {
  const result = await simulate(env, at, { to: STAKING_ADDRESS, data: input(functionName, args) });
  if (result.status !== 'success') throw new Error(decodeRevertReason(result.output) ?? 'no reason');
  const data = toHex(result.output);
  return decodeFunctionResult({ abi: ANY_ABI, functionName, data });
}

function evidence(first: readonly number[], offender = bob.address): Evidence {
  return { kind: 'messages', offender, first: Uint8Array.from(first), second: NO_BYTES };
}

describe('genesis under stake', () => {
  it('holds the power of its validators as their stake', async () => {
    const at = genesis();
    expect(balanceOf(at.state, STAKING_ADDRESS)).toBe(150n * ETHER);
    expect(at.consensus).toEqual(genesisConsensus(spec, staking));
    expect(at.consensus.engine).toEqual(Uint8Array.of(0, 2));
    expect(readConsensusState(at.state)).toEqual(at.consensus);
    expect(await ask(at, 'validatorInfo', [alice.address])).toMatchObject({
      own: 100n * ETHER,
      status: 2,
      activationEpoch: 0n,
    });
    expect(await ask(at, 'validatorCount', [])).toBe(2n);
    expect(await ask(at, 'epoch', [])).toBe(0n);
  });
});

describe('stake in blocks', () => {
  it('is deposited by a transaction, takes its turn, earns and has a say', async () => {
    const start = genesis();
    const args = [carol.address, proofOf(carol, user.address), 0];
    const tx = signed(user, {
      to: STAKING_ADDRESS,
      value: 40n * ETHER,
      gasLimit: 500_000,
      data: input('deposit', args),
    });
    const first = await advance(env, start, { transactions: [tx] });
    expectConserved(start.state, first.executed);
    const [receipt] = first.executed.receipts;
    expect(receipt?.status).toBe(1);
    const [log] = receipt?.logs ?? [];
    const decoded = decodeEventLog({
      abi: VIEM_ABI,
      data: log?.data ?? '0x',
      topics: [...(log?.topics ?? [])] as [Hex],
    });
    expect(decoded).toMatchObject({ eventName: 'Deposited', args: { amount: 40n * ETHER, commissionBps: 0 } });
    expect(first.executed.consensus.validators).toEqual(start.consensus.validators);
    expect(first.executed.consensus.engine).toEqual(Uint8Array.of(1, 2));

    const second = await advance(env, first.after);
    expectConserved(first.after.state, second.executed);
    expect(second.executed).toMatchObject({ issued: 2n * ETHER + 3n, destroyed: 2n });
    const powers = new Map(second.executed.consensus.validators.map(({ address, power }) => [address, power]));
    expect(powers).toEqual(
      new Map([
        [alice.address, 101n * ETHER - 1n],
        [bob.address, 51n * ETHER - 1n],
        [carol.address, 40n * ETHER],
      ]),
    );
    expect(await ask(second.after, 'epoch', [])).toBe(1n);
    expect(readConsensusState(second.executed.state)).toEqual(second.executed.consensus);
  });

  it('is lost for an offence, once, and its reporter is paid', async () => {
    const start = genesis();
    const { executed, after } = await advance(env, start, { evidence: [evidence([7, 0])], author: alice.address });
    expectConserved(start.state, executed);
    expect(executed.destroyed).toBe(7n * ETHER);
    expect(balanceOf(executed.state, STAKING_ADDRESS)).toBe(142n * ETHER);
    expect(balanceOf(executed.state, alice.address)).toBe(balanceOf(start.state, alice.address) + ETHER);
    expect(executed.consensus.validators.find(({ address }) => address === bob.address)?.jailed).toBe(true);
    expect(await ask(after, 'validatorInfo', [bob.address])).toMatchObject({ jailed: true, penalties: 8n * ETHER });
    await expect(advance(env, after, { evidence: [evidence([7, 0])] })).rejects.toMatchObject({
      code: 'BLOCK_EVIDENCE_INVALID',
    });
  });

  it.for([
    ['of a stranger', [evidence([7, 0], user.address)]],
    ['twice the same', [evidence([7, 0]), evidence([7, 0])]],
  ] as const)('is not lost by evidence %s', async ([, list]) => {
    await expect(advance(env, genesis(), { evidence: list })).rejects.toMatchObject({ code: 'BLOCK_EVIDENCE_INVALID' });
  });

  it('is not lost by stale evidence', async () => {
    let at = genesis();
    for (let i = 0; i < 10; i++) at = (await advance(env, at)).after;
    await expect(advance(env, at, { evidence: [evidence([7, 0])] })).rejects.toMatchObject({
      code: 'BLOCK_EVIDENCE_INVALID',
    });
    const { executed } = await advance(env, at, { evidence: [evidence([7, 1])] });
    expect(executed.destroyed).toBe(7n * ETHER);
  });

  it('is the same when the block is built as when it is imported', async () => {
    const start = genesis();
    const transactions = [
      signed(user, {
        to: STAKING_ADDRESS,
        value: 5n * ETHER,
        gasLimit: 300_000,
        data: input('delegate', [alice.address]),
      }),
    ];
    const at = { timeMs: start.header.timeMs + 1_500, author: alice.address };
    const items = [evidence([7, 0]), evidence([8, 0], user.address)];
    const built = await buildBlock(
      env,
      start,
      {
        ...at,
        beneficiary: BENEFICIARY,
        extra: NO_BYTES,
        votes: [],
        evidence: items,
        isLate: () => false,
        sizeBytesMax: 1e6,
      },
      sourceOf(transactions),
    );
    expect(built.body.evidence).toEqual([evidence([7, 0])]);
    const { executed } = await advance(env, start, { ...at, transactions, evidence: built.body.evidence });
    expect(executed.state.root).toBe(built.header.stateRoot);
    expect(executed.receiptsRoot).toBe(built.header.receiptsRoot);
  });
});

describe('a call of the staking contract', () => {
  it('that reverts says why, costs gas and leaves the coins with the caller', async () => {
    const start = genesis();
    const tx = signed(user, {
      to: STAKING_ADDRESS,
      value: ETHER,
      gasLimit: 300_000,
      data: input('delegate', [carol.address]),
    });
    const { executed } = await advance(env, start, { transactions: [tx] });
    const [receipt] = executed.receipts;
    expect(receipt).toMatchObject({ status: 0, logs: [] });
    expect(balanceOf(executed.state, STAKING_ADDRESS)).toBe(150n * ETHER);
    await expect(ask(start, 'owed', [carol.address, user.address])).rejects.toThrow(
      'VALIDATOR_UNKNOWN: nobody deposited',
    );
  });

  it('runs out of gas whole', async () => {
    const tx = signed(user, {
      to: STAKING_ADDRESS,
      value: ETHER,
      gasLimit: 60_000,
      data: input('delegate', [alice.address]),
    });
    const { executed } = await advance(env, genesis(), { transactions: [tx] });
    expect(executed.receipts[0]).toMatchObject({ status: 0, gasUsed: 60_000 });
    expect(balanceOf(executed.state, STAKING_ADDRESS)).toBe(150n * ETHER);
  });

  // CALLDATACOPY(0, 0, CALLDATASIZE), then a call with all of it, the value where there is one; its outcome plus 5 into slot 1.
  const copy = '365f5f37';
  const callIt = `${copy}5f5f365f346110025af1600501600155`;
  const staticCallIt = `${copy}5f5f365f6110025afa600501600155`;

  async function through(code: string, data: Bytes, value = 0n): Promise<Executed> {
    const transactions = [
      signed(user, { to: null, data: deployer(code), gasLimit: 300_000 }),
      signed(user, { to: creationAddress(user.address, 0), nonce: 1, gasLimit: 900_000, data, value }),
    ];
    return (await advance(env, genesis(), { transactions })).executed;
  }
  const contract = creationAddress(user.address, 0);

  it('by bytecode makes a contract the owner of a deposit', async () => {
    const executed = await through(callIt, input('deposit', [carol.address, proofOf(carol, contract), 7]), 32n * ETHER);
    expect(executed.receipts.map(({ status }) => status)).toEqual([1, 1]);
    expect(executed.state.storage(contract, word(1))).toBe(word(6));
    expect(balanceOf(executed.state, STAKING_ADDRESS)).toBe(182n * ETHER);
    expect(executed.receipts[1]?.logs).toHaveLength(1);
  });

  it('by bytecode with the proof of another owner fails in that call alone', async () => {
    const executed = await through(
      callIt,
      input('deposit', [carol.address, proofOf(carol, user.address), 7]),
      32n * ETHER,
    );
    expect(executed.state.storage(contract, word(1))).toBe(word(5));
    expect(balanceOf(executed.state, contract)).toBe(32n * ETHER);
    expect(balanceOf(executed.state, STAKING_ADDRESS)).toBe(150n * ETHER);
  });

  it('by STATICCALL may look and not touch', async () => {
    const look = await through(staticCallIt, input('validatorInfo', [alice.address]));
    expect(look.state.storage(contract, word(1))).toBe(word(6));
    const touch = await through(staticCallIt, input('requestExit', [alice.address]));
    expect(touch.state.storage(contract, word(1))).toBe(word(5));
  });
});
