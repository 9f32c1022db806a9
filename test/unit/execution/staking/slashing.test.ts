import { describe, expect, it } from 'vitest';
import { slash, slashingRefusal } from '../../../../src/execution/staking/slashing.ts';
import type { Offence } from '../../../../src/types/evidence.ts';
import type { StakingRules } from '../../../../src/types/staking.ts';
import { BENEFICIARY, ETHER, key } from '../support.ts';
import { Desk, STATUS } from './desk.ts';

const [alice, bob, carol, dora] = [key(0), key(1), key(2), key(3)];
const [user, other] = [key(9), key(10)];
const EVERYTHING = 2n ** 256n - 1n;

/** Four with 100 coins each. */
function openDesk(rules: Partial<StakingRules> = {}): Desk {
  return new Desk(
    [alice, bob, carol, dora].map((one) => [one, 100n * ETHER] as const),
    rules,
  );
}

function refusal(desk: Desk, offender = alice, fields: Partial<Offence> = {}): string | null {
  return slashingRefusal(desk.ledger, { offender: offender.address, code: 'DOUBLE_VOTE', height: 1, ...fields });
}

describe('an offence', () => {
  it.for([
    ['DOUBLE_VOTE', 8n],
    ['DOUBLE_SEAL', 8n],
    ['SURROUND_VOTE', 12n],
  ] as const)('%s costs its penalty: a part for the reporter, the rest burned', ([code, coins]) => {
    const desk = openDesk();
    const supply = desk.supply();
    const burned = desk.slash(alice, { code });
    expect(burned).toBe((coins * ETHER * 7n) / 8n);
    expect(desk.balance(BENEFICIARY)).toBe((coins * ETHER) / 8n);
    expect(desk.supply()).toBe(supply - burned);
    expect(desk.balance()).toBe((400n - coins) * ETHER);
    expect(desk.info(alice)).toMatchObject({
      own: (100n - coins) * ETHER,
      penalties: coins * ETHER,
      status: STATUS.active,
      jailed: true,
      jailedUntilEpoch: 2n,
    });
  });

  it('makes who has too little left leave', () => {
    const desk = openDesk({ doubleSignPenaltyWei: 90n * ETHER });
    desk.slash(alice);
    expect(desk.info(alice)).toMatchObject({ own: 10n * ETHER, status: STATUS.exiting, jailed: true });
    desk.beginEpoch(1);
    expect(desk.info(alice)).toMatchObject({ status: STATUS.exited, withdrawableEpoch: 5n });
  });

  it('takes own stake first, then the delegators in proportion, those leaving included', () => {
    const desk = openDesk({ doubleSignPenaltyWei: 130n * ETHER, reporterQuotient: 0 });
    desk.must(user, 'delegate', [alice.address], 40n * ETHER);
    desk.must(other, 'delegate', [alice.address], 20n * ETHER);
    desk.must(user, 'undelegate', [alice.address, 20n * ETHER]);
    expect(desk.slash(alice, { epoch: 0 })).toBe(130n * ETHER);
    expect(desk.info(alice)).toMatchObject({ own: 0n, delegated: 20n * ETHER, status: STATUS.exiting });
    expect(desk.amount('owed', alice, user)).toBe(20n * ETHER);
    expect(desk.amount('owed', alice, other)).toBe(10n * ETHER);
    expect(desk.must(user, 'unbonding', [alice.address, user.address])).toEqual([10n * ETHER, 5n]);
  });

  it('spares coins that had left before it, and bites those that left after', () => {
    const desk = openDesk({ doubleSignPenaltyWei: 110n * ETHER, reporterQuotient: 0 });
    desk.must(user, 'delegate', [alice.address], 10n * ETHER);
    desk.must(other, 'delegate', [alice.address], 10n * ETHER);
    desk.must(user, 'undelegate', [alice.address, EVERYTHING]);
    desk.beginEpoch(1);
    desk.must(other, 'undelegate', [alice.address, EVERYTHING]);
    desk.beginEpoch(3);
    desk.slash(alice, { epoch: 1 });
    expect(desk.amount('owed', alice, user)).toBe(10n * ETHER);
    expect(desk.amount('owed', alice, other)).toBe(0n);
    // What is worth nothing is cleared away; new coins are not diluted by old shares.
    desk.beginEpoch(6);
    expect(desk.must(other, 'withdraw', [alice.address])).toBe(0n);
    expect(desk.must(user, 'withdraw', [alice.address])).toBe(10n * ETHER);
  });

  it('reaches coins that were undelegated after its validator had exited', () => {
    const desk = openDesk({ doubleSignPenaltyWei: 110n * ETHER, reporterQuotient: 0 });
    for (const who of [user, other]) desk.must(who, 'delegate', [alice.address], 10n * ETHER);
    desk.must(alice, 'requestExit', [alice.address]);
    desk.beginEpoch(1);
    expect(desk.info(alice)).toMatchObject({ status: STATUS.exited, exitEpoch: 1n, withdrawableEpoch: 5n });
    desk.must(user, 'undelegate', [alice.address, EVERYTHING]);
    desk.beginEpoch(4);
    desk.slash(alice, { epoch: 1 });
    expect(desk.amount('owed', alice, user)).toBe(5n * ETHER);
    expect(desk.amount('owed', alice, other)).toBe(5n * ETHER);
  });

  it('pays the reporter of own stake only: what the delegators lose is burned', () => {
    const desk = openDesk({ doubleSignPenaltyWei: 140n * ETHER });
    desk.must(user, 'delegate', [alice.address], 100n * ETHER);
    expect(desk.slash(alice)).toBe(140n * ETHER - (100n * ETHER) / 8n);
    expect(desk.balance(BENEFICIARY)).toBe((100n * ETHER) / 8n);
  });

  it('costs the delegators something once an epoch, however many there are', () => {
    const desk = openDesk({ doubleSignPenaltyWei: 120n * ETHER });
    desk.must(user, 'delegate', [alice.address], 100n * ETHER);
    desk.slash(alice, { height: 1, epoch: 0 });
    expect(desk.amount('delegation', alice, user)).toBe(80n * ETHER);
    desk.must(other, 'topUp', [alice.address], 5n * ETHER);
    expect(refusal(desk, alice, { height: 2, epoch: 0 })).toBeNull();
    desk.slash(alice, { height: 2, epoch: 0 });
    expect(desk.info(alice).own).toBe(0n);
    expect(desk.amount('delegation', alice, user)).toBe(80n * ETHER);
    expect(refusal(desk, alice, { height: 3, epoch: 0 })).toMatch('nothing left to lose');
    desk.beginEpoch(1);
    expect(refusal(desk, alice, { height: 3, epoch: 0 })).toBeNull();
    desk.slash(alice, { height: 3, epoch: 0 });
    expect(desk.amount('delegation', alice, user)).toBe(0n);
  });

  it('may take all there is and no more; who delegates afterwards starts afresh', () => {
    const desk = openDesk({ doubleSignPenaltyWei: 1_000n * ETHER, ejectionStakeWei: 0n });
    desk.must(user, 'delegate', [alice.address], 10n * ETHER);
    desk.slash(alice);
    expect(desk.info(alice)).toMatchObject({ own: 0n, delegated: 0n, penalties: 110n * ETHER });
    expect(desk.balance()).toBe(300n * ETHER);
    desk.must(other, 'delegate', [alice.address], 3n * ETHER);
    desk.must(user, 'delegate', [alice.address], 2n * ETHER);
    expect(desk.amount('delegation', alice, other)).toBe(3n * ETHER);
    expect(desk.amount('delegation', alice, user)).toBe(2n * ETHER);
  });
});

describe('those who offend together', () => {
  it('pay more the more of them there are, and nothing on top alone', () => {
    const desk = openDesk();
    desk.slash(alice);
    expect(desk.info(alice).own).toBe(92n * ETHER);
    // 100 of its own x 3 x 100 of alice / 400 of all when she was punished.
    desk.slash(bob);
    const correlation = (100n * ETHER * 3n * 100n * ETHER) / (400n * ETHER);
    expect(desk.info(bob).own).toBe(92n * ETHER - correlation);
    // Three times half of all and more: everything.
    desk.slash(carol);
    expect(desk.info(carol).own).toBe(0n);
  });

  it('are not held liable for themselves, however often, nor for what is long past', () => {
    const desk = openDesk();
    desk.slash(alice, { height: 1 });
    desk.slash(alice, { height: 2 });
    expect(desk.info(alice).own).toBe(84n * ETHER);
    desk.ledger.epoch = 4;
    desk.slash(bob);
    expect(desk.info(bob).own).toBeLessThan(92n * ETHER);
    desk.ledger.epoch = 9;
    desk.slash(carol);
    expect(desk.info(carol).own).toBe(92n * ETHER);
    // On the list again, once.
    desk.slash(alice, { height: 3 });
    expect(desk.info(alice).own).toBeLessThan(76n * ETHER);
  });

  it('count with what they had a say with, of all that had one when they were punished', () => {
    const desk = new Desk(
      [
        [alice, 1_000n * ETHER],
        [bob, 100n * ETHER],
        [carol, 100n * ETHER],
      ],
      { correlationMultiplier: 1 },
    );
    desk.must(alice, 'requestExit', [alice.address]);
    desk.slash(alice, { height: 1 });
    desk.beginEpoch(1);
    expect(desk.info(alice).status).toBe(STATUS.exited);
    // 1000 of 1200 then, and not 1000 of the 200 that are left.
    desk.slash(bob, { height: 2 });
    expect(desk.info(bob).own).toBe(92n * ETHER - (100n * ETHER * 1_000n) / 1_200n);
  });

  it('do not count when they had no say any more', () => {
    const desk = openDesk();
    desk.must(alice, 'requestExit', [alice.address]);
    desk.beginEpoch(1);
    desk.slash(alice, { epoch: 0 });
    desk.slash(bob, { epoch: 1 });
    expect(desk.info(bob).own).toBe(92n * ETHER);
  });
});

describe('evidence', () => {
  it('counts not before its epoch', () => {
    const desk = openDesk();
    desk.beginEpoch(3);
    // The first block of an epoch is executed in the one before.
    expect(refusal(desk, alice, { epoch: 4 })).toBeNull();
    expect(refusal(desk, alice, { epoch: 5 })).toMatch('not come yet');
  });

  it('counts against who has a say', () => {
    const desk = openDesk();
    desk.beginEpoch(1);
    for (const epoch of [undefined, 0, 1]) {
      expect(refusal(desk, alice, epoch === undefined ? {} : { epoch })).toBeNull();
    }
    expect(refusal(desk, user)).toMatch('nobody deposited');
  });

  it('does not count against who has nothing left to lose', () => {
    const desk = openDesk({ doubleSignPenaltyWei: 100n * ETHER });
    desk.must(user, 'delegate', [alice.address], 2n * ETHER);
    desk.must(user, 'undelegate', [alice.address, EVERYTHING]);
    desk.slash(alice);
    expect(desk.info(alice).own).toBe(0n);
    expect(refusal(desk, alice, { epoch: 0 })).toBeNull();
    desk.slash(alice, { height: 2, epoch: 0 });
    expect(refusal(desk, alice, { epoch: 0 })).toMatch('nothing left to lose');
  });

  it('expires', () => {
    const desk = openDesk();
    desk.beginEpoch(4);
    expect(refusal(desk, alice, { epoch: 0 })).toBeNull();
    desk.beginEpoch(5);
    expect(refusal(desk, alice, { epoch: 0 })).toMatch('expired');
    expect(refusal(desk, alice, { epoch: 1 })).toBeNull();
  });

  it('does not count before one had a say, nor after', () => {
    const desk = openDesk();
    desk.deposit(user, other);
    expect(refusal(desk, user)).toMatch('never had a say');
    desk.beginEpoch(2);
    expect(refusal(desk, user, { epoch: 1 })).toMatch('no say yet');
    expect(refusal(desk, user, { epoch: 2 })).toBeNull();
    desk.must(other, 'requestExit', [user.address]);
    expect(refusal(desk, user, { epoch: 2 })).toBeNull();
    desk.beginEpoch(4);
    expect(desk.info(user).status).toBe(STATUS.exited);
    expect(refusal(desk, user, { epoch: 3 })).toBeNull();
    expect(refusal(desk, user, { epoch: 5 })).toMatch('no say any more');
    desk.beginEpoch(7);
    const burned = desk.slash(user, { epoch: 3 });
    expect(burned).toBe(7n * ETHER);
    desk.beginEpoch(8);
    expect(refusal(desk, user, { epoch: 4 })).toMatch('may be withdrawn already');
    expect(desk.must(other, 'withdraw', [user.address])).toBe(24n * ETHER);
  });
});

describe('a ledger that punishes several', () => {
  it('follows what all have at stake, as one that adds it up anew', () => {
    const [desk, afresh] = [
      openDesk({ doubleSignPenaltyWei: 90n * ETHER }),
      openDesk({ doubleSignPenaltyWei: 90n * ETHER }),
    ];
    for (const one of [desk, afresh]) one.must(user, 'delegate', [bob.address], 7n * ETHER);
    const { ledger } = desk;
    for (const { address } of [alice, bob, carol, dora]) {
      const offence = { offender: address, code: 'DOUBLE_VOTE', height: 1 };
      expect(slash(ledger, offence, BENEFICIARY)).toBe(slash(afresh.ledger, offence, BENEFICIARY));
      expect(ledger.seatedStakeWei()).toBe(desk.ledger.seatedStakeWei());
    }
    expect(desk.overlay.diff()).toEqual(afresh.overlay.diff());
  });
});
