import { describe, expect, it } from 'vitest';
import { creationAddress } from '../../../../src/execution/apply-transaction.ts';
import { STAKING_ADDRESS } from '../../../../src/execution/rules.ts';
import type { SystemContract } from '../../../../src/execution/system-contracts.ts';
import { EMPTY_ACCOUNT } from '../../../../src/types/account.ts';
import type { Address } from '../../../../src/types/primitives.ts';
import type { Log } from '../../../../src/types/receipt.ts';
import { fromHex } from '../../../../src/util/hex.ts';
import { key, testEnv } from '../support.ts';
import { A, B, C, paying, push, results, type BlockSpec, type Options } from './support.ts';

const RICH = key(0).address;
const LOG = '60006000a0';
const REVERT = '60006000fd';
const COINS: Address = `0x${'e'.repeat(40)}`;
const TRANSFER = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';

/** [from, to, value] of a transfer, the address of another log. */
function shown({ address, topics, data }: Log): unknown {
  if (address !== COINS) return address;
  expect(topics[0]).toBe(TRANSFER);
  const [from, to] = topics.slice(1).map((topic) => `0x${topic.slice(26)}`);
  return [from, to, Number(data)];
}

async function logs(spec: BlockSpec, options: Options = {}): Promise<unknown[]> {
  const calls = await results([spec], { tracesTransfers: true, ...options });
  return calls.map((call) => call.logs.map(shown));
}

const code = (address: Address, text: string, balance = 0n) =>
  [address, { code: fromHex(`0x${text}`), balance }] as const;
const call = (to: Address, value = 0n) => ({ from: RICH, to, value });

describe('moved coins stand among the logs', () => {
  it('of a transfer, but not of nothing', async () => {
    expect(await logs({ calls: [call(A, 7n), call(A)] })).toEqual([[[RICH, A, 7]], []]);
  });

  it('of calls within calls, in the order in which all of it happens', async () => {
    const accounts = [code(A, `${LOG}${paying(B, 3)}${LOG}`, 10n), code(B, `${LOG}${paying(C, 2)}${LOG}`)];
    expect(await logs({ accounts, calls: [call(A, 1n)] })).toEqual([[[RICH, A, 1], A, [A, B, 3], B, [B, C, 2], B, A]]);
  });

  it('of what is created: before what its code does', async () => {
    // CREATE with 4 wei of the code that is in memory: a log, by code of no contract's.
    const init = `65${LOG}00`.padEnd(14, '0');
    const accounts = [code(A, `${init}6000526006601a6004f050`, 10n)];
    const made = creationAddress(A, 0);
    expect(await logs({ accounts, calls: [call(A)] })).toEqual([[[A, made, 4], made]]);
    const data = fromHex(`0x${LOG}00`);
    expect(await logs({ calls: [{ from: RICH, value: 5n, data }] })).toEqual([
      [[RICH, creationAddress(RICH, 0), 5], creationAddress(RICH, 0)],
    ]);
  });

  it('of SELFDESTRUCT, also to itself, but not of an empty balance', async () => {
    const accounts = [code(A, `${push(C)}ff`, 6n), code(B, `${push(B)}ff`, 5n), code(C, `${push(A)}ff`)];
    expect(await logs({ accounts: accounts.slice(0, 2), calls: [call(A, 1n), call(B)] })).toEqual([
      [
        [RICH, A, 1],
        [A, C, 7],
      ],
      [[B, B, 5]],
    ]);
    expect(await logs({ accounts, calls: [call(C)] })).toEqual([[]]);
  });

  it('and go with the frame that fails', async () => {
    const accounts = [
      code(A, `${paying(B, 3)}${paying(C, 1)}${LOG}`, 10n),
      code(B, `${LOG}${paying(C, 2)}${REVERT}`, 5n),
    ];
    expect(await logs({ accounts, calls: [call(A, 1n), call(B, 1n)] })).toEqual([[[RICH, A, 1], [A, C, 1], A], []]);
  });

  it('not of what is only told: DELEGATECALL and CALLCODE, nor of a call that nobody can pay', async () => {
    const delegate = `600060006000600073${B.slice(2)}5af450`;
    const callCode = `60006000600060006003${push(B)}5af250`;
    const accounts = [code(A, `${delegate}${callCode}${paying(C, 200)}`, 10n), code(B, LOG)];
    expect(await logs({ accounts, calls: [call(A, 1n)] })).toEqual([[[RICH, A, 1], A, A]]);
  });

  it('of calls to precompiles, and of what a native contract takes and pays', async () => {
    const identity: Address = `0x${'4'.padStart(40, '0')}`;
    const staking: SystemContract = {
      call: ({ caller, state, address }) => {
        const [own, callers] = [address, caller].map((who) => state.account(who) ?? EMPTY_ACCOUNT);
        if (own !== undefined) state.setAccount(address, { ...own, balance: own.balance - 2n });
        if (callers !== undefined) state.setAccount(caller, { ...callers, balance: callers.balance + 2n });
        return {
          status: 'success',
          output: new Uint8Array(0),
          gasUsed: 0,
          logs: [{ address, topics: [], data: '0x' }],
        };
      },
    };
    const env = testEnv({ systemContracts: new Map([[STAKING_ADDRESS, staking]]) });
    expect(await logs({ calls: [call(identity, 1n), call(STAKING_ADDRESS, 3n)] }, { env })).toEqual([
      [[RICH, identity, 1]],
      [[RICH, STAKING_ADDRESS, 3], [STAKING_ADDRESS, RICH, 2], STAKING_ADDRESS],
    ]);
  });

  it('only where they are asked for', async () => {
    const accounts = [code(A, LOG)];
    expect(await logs({ accounts, calls: [call(A, 1n)] }, { tracesTransfers: false })).toEqual([[A]]);
  });
});
