import { decodeEventLog, encodeFunctionData, getAddress } from 'viem';
import { describe, expect, it } from 'vitest';
import { STAKING_ADDRESS } from '../../../../src/execution/rules.ts';
import { UNBONDINGS_MAX } from '../../../../src/execution/staking/operations.ts';
import { EMPTY_ACCOUNT } from '../../../../src/types/account.ts';
import { fromHex, toHex } from '../../../../src/util/hex.ts';
import type { Hex } from '../../../../src/types/primitives.ts';
import { ETHER, key } from '../support.ts';
import { Desk, FUNDS, NEVER, proofOf, RULES, STATUS, VIEM_ABI } from './desk.ts';

const [alice, bob, carol, dora] = [key(0), key(1), key(2), key(3)];
const [owner, stranger] = [key(8), key(9)];
const EVERYTHING = 2n ** 256n - 1n;

function openDesk(): Desk {
  return new Desk([
    [alice, 100n * ETHER],
    [bob, 32n * ETHER],
  ]);
}

/** With carol, whom `owner` owns, active from epoch 1 on. */
function deskWithCarol(commissionBps = 0): Desk {
  const made = openDesk();
  made.deposit(carol, owner, 40n * ETHER, commissionBps);
  made.beginEpoch(1);
  return made;
}

describe('deposit', () => {
  it('registers a validator that waits for its turn', () => {
    const desk = openDesk();
    const before = desk.balance();
    desk.deposit(carol, owner, 33n * ETHER, 250);
    expect(desk.info(carol)).toEqual({
      owner: getAddress(owner.address),
      own: 33n * ETHER,
      delegated: 0n,
      status: STATUS.pending,
      jailed: false,
      commissionBps: 250,
      activationEpoch: NEVER,
      exitEpoch: NEVER,
      withdrawableEpoch: NEVER,
      jailedUntilEpoch: 0n,
      rewards: 0n,
      penalties: 0n,
    });
    expect(desk.balance() - before).toBe(33n * ETHER);
    expect(desk.balance(owner.address)).toBe(FUNDS - 33n * ETHER);
    expect(desk.must(owner, 'validatorCount', [])).toBe(3n);
    expect(desk.must(owner, 'validatorAt', [2n])).toMatch(new RegExp(carol.address, 'i'));
    desk.beginEpoch(1);
    expect(desk.info(carol)).toMatchObject({ status: STATUS.active, activationEpoch: 1n });
  });

  it('takes recovery ids of both kinds', () => {
    const desk = openDesk();
    const proof = fromHex(proofOf(carol, owner.address));
    proof[64] = (proof[64] ?? 0) + 27;
    expect(desk.call(owner, 'deposit', [carol.address, toHex(proof), 0], 32n * ETHER).reason).toBeNull();
  });

  const good = proofOf(carol, owner.address);
  it.for<readonly [string, readonly unknown[], bigint, string]>([
    ['too little', [carol.address, good, 0], 32n * ETHER - 1n, 'STAKE_BELOW_MINIMUM: deposit at least 32 coins'],
    ['a commission above all', [carol.address, good, 10_001], 32n * ETHER, 'COMMISSION_TOO_HIGH'],
    [
      'a proof for another owner',
      [carol.address, proofOf(carol, bob.address), 0],
      32n * ETHER,
      'POSSESSION_NOT_PROVEN',
    ],
    [
      'a proof of another chain',
      [carol.address, proofOf(carol, owner.address, 5), 0],
      32n * ETHER,
      'POSSESSION_NOT_PROVEN',
    ],
    ['a proof by another key', [carol.address, proofOf(dora, owner.address), 0], 32n * ETHER, 'POSSESSION_NOT_PROVEN'],
    ['a short proof', [carol.address, good.slice(0, -2), 0], 32n * ETHER, 'POSSESSION_NOT_PROVEN'],
    ['no proof', [carol.address, '0x', 0], 32n * ETHER, 'POSSESSION_NOT_PROVEN'],
    ['an odd recovery id', [carol.address, `${good.slice(0, -2)}1d`, 0], 32n * ETHER, 'POSSESSION_NOT_PROVEN'],
    ['a key in use', [alice.address, proofOf(alice, owner.address), 0], 32n * ETHER, 'VALIDATOR_KEY_USED'],
  ])('refuses %s', ([, args, value, reason]) => {
    const desk = openDesk();
    const supply = desk.supply();
    expect(desk.call(owner, 'deposit', args, value).reason).toMatch(reason);
    expect(desk.balance(owner.address)).toBe(FUNDS);
    expect(desk.supply()).toBe(supply);
    expect(desk.must(owner, 'validatorCount', [])).toBe(2n);
  });
});

describe('topUp', () => {
  it('adds to own stake, whoever pays', () => {
    const desk = openDesk();
    desk.must(stranger, 'topUp', [alice.address], 5n * ETHER);
    expect(desk.info(alice).own).toBe(105n * ETHER);
    expect(desk.amount('owed', alice, stranger)).toBe(0n);
    expect(desk.call(stranger, 'topUp', [alice.address]).reason).toMatch('AMOUNT_ZERO');
    expect(desk.call(stranger, 'topUp', [dora.address], 1n).reason).toMatch('VALIDATOR_UNKNOWN');
  });
});

describe('delegation', () => {
  it('earns and is taken back after the unbonding period', () => {
    const desk = deskWithCarol(1_000);
    desk.must(stranger, 'delegate', [carol.address], 10n * ETHER);
    expect(desk.amount('delegation', carol, stranger)).toBe(10n * ETHER);
    // 50 of 50 at stake: 10 to the delegator less 10 percent, the rest to own stake.
    desk.move({ validator: carol.address, rewardWei: 50n * ETHER });
    expect(desk.amount('delegation', carol, stranger)).toBe(19n * ETHER);
    expect(desk.info(carol)).toMatchObject({ own: 81n * ETHER, delegated: 19n * ETHER, rewards: 50n * ETHER });
    desk.must(stranger, 'undelegate', [carol.address, 9n * ETHER]);
    expect(desk.must(stranger, 'unbonding', [carol.address, stranger.address])).toEqual([9n * ETHER, 6n]);
    expect(desk.call(stranger, 'withdraw', [carol.address]).reason).toMatch('WITHDRAWAL_TOO_EARLY: wait for epoch 6');
    desk.beginEpoch(5);
    expect(desk.amount('withdrawable', carol, stranger)).toBe(0n);
    desk.beginEpoch(6);
    expect(desk.amount('withdrawable', carol, stranger)).toBe(9n * ETHER);
    expect(desk.must(stranger, 'withdraw', [carol.address])).toBe(9n * ETHER);
    expect(desk.balance(stranger.address)).toBe(FUNDS - 10n * ETHER + 9n * ETHER);
    expect(desk.amount('owed', carol, stranger)).toBe(10n * ETHER);
    expect(desk.call(stranger, 'withdraw', [carol.address]).reason).toMatch('WITHDRAWAL_NOTHING');
  });

  it('goes altogether with the largest amount there is, and leaves no storage behind', () => {
    const desk = deskWithCarol();
    const before = desk.overlay.diff();
    desk.must(stranger, 'delegate', [carol.address], 10n * ETHER);
    desk.must(stranger, 'undelegate', [carol.address, EVERYTHING]);
    desk.beginEpoch(6);
    desk.must(stranger, 'withdraw', [carol.address]);
    const zero = `0x${'00'.repeat(32)}`;
    const slots = [...(desk.overlay.diff().storage.get(STAKING_ADDRESS) ?? [])];
    const known = before.storage.get(STAKING_ADDRESS);
    expect(slots.filter(([slot, word]) => word !== zero && known?.has(slot) !== true)).toEqual([]);
  });

  it('has a minimum, a validator that stays, and an end', () => {
    const desk = deskWithCarol();
    expect(desk.call(stranger, 'delegate', [carol.address], ETHER - 1n).reason).toMatch('DELEGATION_BELOW_MINIMUM');
    expect(desk.call(stranger, 'delegate', [dora.address], ETHER).reason).toMatch('VALIDATOR_UNKNOWN');
    expect(desk.call(stranger, 'undelegate', [carol.address, 1n]).reason).toMatch('DELEGATION_TOO_SMALL');
    expect(desk.call(stranger, 'undelegate', [carol.address, EVERYTHING]).reason).toMatch('AMOUNT_ZERO');
    desk.must(owner, 'requestExit', [carol.address]);
    expect(desk.call(stranger, 'delegate', [carol.address], ETHER).reason).toMatch('VALIDATOR_LEAVING');
  });

  it('leaves nothing behind that is below the least', () => {
    const desk = deskWithCarol();
    desk.must(stranger, 'delegate', [carol.address], 3n * ETHER);
    const reason = (wei: bigint) => desk.call(stranger, 'undelegate', [carol.address, wei]).reason;
    expect(reason(2n * ETHER + 1n)).toMatch(/^DELEGATION_BELOW_MINIMUM: .*at least 1 coins.*all of it/);
    expect(reason(3n * ETHER - 1n)).toMatch('DELEGATION_BELOW_MINIMUM');
    expect(reason(2n * ETHER)).toBeNull();
    // To the wei is all of it as well.
    expect(reason(ETHER)).toBeNull();
    expect(desk.amount('delegation', carol, stranger)).toBe(0n);
  });

  it('is not taken where a share costs so much that a part of it would go to others', () => {
    const desk = new Desk([[alice, 100n * ETHER]], { delegationMinWei: 1n });
    desk.must(bob, 'delegate', [alice.address], 1n);
    desk.move({ validator: alice.address, rewardWei: 10n ** 39n });
    const [price] = [desk.amount('delegation', alice, bob)];
    expect(price).toBeGreaterThan(2n * ETHER);
    const part = (value: bigint) => desk.call(stranger, 'delegate', [alice.address], value).reason;
    expect(part((price * 3n) / 2n)).toMatch(/^DELEGATION_TOO_SMALL: .*shares/);
    expect(part(price - 1n)).toMatch('DELEGATION_TOO_SMALL');
    // What a whole share costs is no loss.
    expect(part(price)).toBeNull();
    expect(desk.amount('delegation', alice, stranger)).toBe(price);
  });

  it('is refused where the books have no room for its shares', () => {
    const desk = new Desk([[alice, 100n * ETHER]]);
    const huge = 2n ** 230n;
    desk.overlay.setAccount(stranger.address, { ...EMPTY_ACCOUNT, balance: huge });
    desk.must(bob, 'delegate', [alice.address], 900n * ETHER);
    desk.move({ validator: alice.address, penaltyWei: 1_000n * ETHER - 10n ** 13n });
    expect(desk.call(stranger, 'delegate', [alice.address], huge).reason).toMatch('AMOUNT_TOO_LARGE');
  });

  it('is on its way out in so many parts at most', () => {
    const desk = deskWithCarol();
    desk.must(stranger, 'delegate', [carol.address], 100n * ETHER);
    // Of one epoch is one part.
    desk.must(stranger, 'undelegate', [carol.address, ETHER]);
    for (let i = 0; i < UNBONDINGS_MAX; i++) {
      desk.must(stranger, 'undelegate', [carol.address, ETHER]);
      desk.ledger.epoch += 1;
    }
    expect(desk.call(stranger, 'undelegate', [carol.address, ETHER]).reason).toMatch('UNBONDING_TOO_MANY');
    const due = BigInt(UNBONDINGS_MAX + 1 - RULES.unbondingEpochs);
    expect(desk.must(stranger, 'withdraw', [carol.address])).toBe(due * ETHER);
    desk.must(stranger, 'undelegate', [carol.address, ETHER]);
  });

  it('leaves in the order in which it was taken back, also where its validator goes in between', () => {
    const desk = openDesk();
    desk.deposit(carol, owner);
    desk.must(stranger, 'delegate', [carol.address], 10n * ETHER);
    desk.must(stranger, 'undelegate', [carol.address, ETHER]);
    desk.must(owner, 'requestExit', [carol.address]);
    expect(desk.info(carol).withdrawableEpoch).toBe(4n);
    desk.must(stranger, 'undelegate', [carol.address, EVERYTHING]);
    expect(desk.must(stranger, 'unbonding', [carol.address, stranger.address])).toEqual([10n * ETHER, 5n]);
    desk.ledger.epoch = 4;
    expect(desk.amount('withdrawable', carol, stranger)).toBe(0n);
    desk.ledger.epoch = 5;
    expect(desk.must(stranger, 'withdraw', [carol.address])).toBe(10n * ETHER);
  });

  it('may leave at once where its validator is long gone', () => {
    const desk = deskWithCarol();
    desk.must(stranger, 'delegate', [carol.address], 10n * ETHER);
    desk.must(owner, 'requestExit', [carol.address]);
    desk.beginEpoch(2);
    desk.beginEpoch(6);
    desk.must(stranger, 'undelegate', [carol.address, EVERYTHING]);
    expect(desk.must(stranger, 'withdraw', [carol.address])).toBe(10n * ETHER);
  });
});

describe('exit', () => {
  it('takes its turn, then the unbonding period, then all of it is paid', () => {
    const desk = deskWithCarol();
    const tooEarly = () => desk.call(owner, 'withdraw', [carol.address]).reason;
    expect(tooEarly()).toMatch('WITHDRAWAL_TOO_EARLY: request the exit first');
    desk.must(owner, 'requestExit', [carol.address]);
    expect(desk.info(carol).status).toBe(STATUS.exiting);
    expect(tooEarly()).toMatch('WITHDRAWAL_TOO_EARLY: wait until it has exited');
    desk.beginEpoch(2);
    expect(desk.info(carol)).toMatchObject({ status: STATUS.exited, exitEpoch: 2n, withdrawableEpoch: 6n });
    expect(desk.ledger.candidates().map(({ address }) => address)).not.toContain(carol.address);
    desk.beginEpoch(5);
    expect(desk.call(owner, 'withdraw', [carol.address]).reason).toMatch('WITHDRAWAL_TOO_EARLY: wait for epoch 6');
    desk.beginEpoch(6);
    expect(desk.call(stranger, 'withdraw', [carol.address]).reason).toMatch('WITHDRAWAL_NOTHING');
    expect(desk.must(owner, 'withdraw', [carol.address])).toBe(40n * ETHER);
    expect(desk.balance(owner.address)).toBe(FUNDS);
    expect(desk.call(owner, 'withdraw', [carol.address]).reason).toMatch('WITHDRAWAL_NOTHING');
    // Its key is used for ever.
    const again = [carol.address, proofOf(carol, owner.address), 0];
    expect(desk.call(owner, 'deposit', again, 32n * ETHER).reason).toMatch('VALIDATOR_KEY_USED');
    expect(desk.call(owner, 'topUp', [carol.address], 1n).reason).toMatch('VALIDATOR_LEAVING');
  });

  it('is asked for once, by the owner', () => {
    const desk = deskWithCarol();
    for (const who of [stranger, carol]) {
      expect(desk.call(who, 'requestExit', [carol.address]).reason).toMatch('OWNER_ONLY');
    }
    desk.must(owner, 'requestExit', [carol.address]);
    expect(desk.call(owner, 'requestExit', [carol.address]).reason).toMatch('VALIDATOR_LEAVING');
    expect(desk.call(owner, 'requestExit', [dora.address]).reason).toMatch('VALIDATOR_UNKNOWN');
  });

  it('of one that still waits for its turn waits for nobody', () => {
    const desk = openDesk();
    desk.deposit(carol, owner);
    desk.must(owner, 'requestExit', [carol.address]);
    expect(desk.info(carol)).toMatchObject({ status: STATUS.exited, activationEpoch: NEVER, withdrawableEpoch: 4n });
  });
});

describe('unjail', () => {
  it('is for the owner, in time, with enough at stake', () => {
    const desk = deskWithCarol();
    expect(desk.call(owner, 'unjail', [carol.address]).reason).toMatch('VALIDATOR_NOT_JAILED');
    desk.move({ validator: carol.address, penaltyWei: 10n * ETHER, jail: true });
    expect(desk.info(carol)).toMatchObject({ jailed: true, jailedUntilEpoch: 3n, own: 30n * ETHER });
    expect(desk.call(stranger, 'unjail', [carol.address]).reason).toMatch('OWNER_ONLY');
    expect(desk.call(owner, 'unjail', [carol.address]).reason).toMatch('JAIL_TOO_EARLY');
    desk.beginEpoch(3);
    expect(desk.call(owner, 'unjail', [carol.address]).reason).toMatch('STAKE_BELOW_MINIMUM: top up');
    desk.must(owner, 'topUp', [carol.address], 2n * ETHER);
    desk.must(owner, 'unjail', [carol.address]);
    expect(desk.info(carol).jailed).toBe(false);
  });
});

describe('the contract', () => {
  it('refuses what it does not understand, and keeps no coins of it', () => {
    const desk = openDesk();
    const before = desk.balance();
    const reasonOf = (input: Hex, value = 0n, isStatic = false): string => {
      const { status, output } = desk.send(stranger.address, input, value, { isStatic });
      expect(status).toBe('reverted');
      return Buffer.from(output).toString();
    };
    expect(reasonOf('0x', ETHER)).toContain('FUNCTION_UNKNOWN');
    expect(reasonOf('0x01', ETHER)).toContain('FUNCTION_UNKNOWN');
    expect(reasonOf('0xdeadbeef')).toContain('FUNCTION_UNKNOWN');
    const epochCall: Hex = '0x900cf0cf';
    expect(reasonOf(epochCall, 1n)).toContain('NOT_PAYABLE');
    expect(reasonOf(`${epochCall}00`)).toContain('ARGUMENTS_MALFORMED');
    const topUpAlice = encodeFunctionData({ abi: VIEM_ABI, functionName: 'topUp', args: [alice.address] });
    expect(reasonOf(topUpAlice.slice(0, -2) as Hex, 1n)).toContain('ARGUMENTS_MALFORMED');
    const dirty: Hex = `${topUpAlice.slice(0, 10) as Hex}01${topUpAlice.slice(12)}`;
    expect(reasonOf(dirty, 1n)).toContain('ARGUMENTS_MALFORMED');
    expect(reasonOf(topUpAlice, 1n, true)).toContain('CALL_STATIC');
    expect(desk.balance()).toBe(before);
    expect(desk.send(stranger.address, epochCall, 0n, { isStatic: true }).status).toBe('success');
    expect(desk.call(stranger, 'validatorAt', [2n]).reason).toMatch('INDEX_OUT_OF_RANGE');
    expect(desk.call(stranger, 'validatorAt', [2n ** 255n]).reason).toMatch('INDEX_OUT_OF_RANGE');
  });

  it('names its parameters and the epoch', () => {
    const desk = deskWithCarol();
    expect(desk.must(stranger, 'epoch', [])).toBe(1n);
    expect(desk.must(stranger, 'parameters', [])).toEqual({
      stakeMin: 32n * ETHER,
      ejectionStake: 16n * ETHER,
      delegationMin: ETHER,
      doubleSignPenalty: 8n * ETHER,
      surroundPenalty: 12n * ETHER,
      correlationMultiplier: 3n,
      reporterQuotient: 8n,
      unbondingEpochs: 4n,
      jailEpochs: 2n,
      churnMin: 1n,
      churnQuotient: 4n,
    });
  });

  it('logs what users did', () => {
    const desk = deskWithCarol();
    const { result } = desk.call(stranger, 'delegate', [carol.address], 3n * ETHER);
    const [log] = result.logs;
    expect(log?.address).toBe(STAKING_ADDRESS);
    const decoded = decodeEventLog({
      abi: VIEM_ABI,
      data: log?.data ?? '0x',
      topics: [...(log?.topics ?? [])] as [Hex],
    });
    expect(decoded.eventName).toBe('Delegated');
    expect(JSON.stringify(Object.values(decoded.args ?? {}).map(String)).toLowerCase()).toBe(
      JSON.stringify([carol.address, stranger.address, (3n * ETHER).toString()]),
    );
  });

  it('costs what its storage costs', () => {
    const desk = deskWithCarol();
    const view = desk.call(stranger, 'epoch', []).result.gasUsed;
    expect(view).toBe(100 + 3 + 2_100);
    const info = desk.call(stranger, 'validatorInfo', [carol.address]).result.gasUsed;
    expect(info).toBe(100 + 6 + 9 * 2_100);
    // One amount of the record changes: 2900 and the warm reads of its nine words before they are written.
    const topUp = desk.call(stranger, 'topUp', [carol.address], 1n).result.gasUsed;
    expect(topUp).toBe(100 + 6 + 9 * 2_100 + 9 * 100 + 2_900 + 375 * 4 + 8 * 32);
  });
});
