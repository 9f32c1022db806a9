import { describe, expect, it } from 'vitest';
import { writeGenesisStake } from '../../../../src/execution/staking/genesis.ts';
import { StateOverlay } from '../../../../src/state/overlay.ts';
import { emptyState, ETHER, key, KEYS, type Key } from '../support.ts';
import { Desk, RULES, STATUS } from './desk.ts';

const [alice, bob, carol, dora] = [key(0), key(1), key(2), key(3)];
const owner = key(11);

function openDesk(count: number, rules = {}): Desk {
  return new Desk(
    KEYS.slice(0, count).map((one) => [one, 32n * ETHER] as const),
    rules,
  );
}

function statuses(desk: Desk, keys: readonly Key[]): number[] {
  return keys.map((one) => desk.info(one).status);
}

const { pending, active, exiting, exited } = STATUS;

describe('the first block of an epoch', () => {
  it('lets so many in, in the order of their deposits', () => {
    const desk = openDesk(1);
    const queue = [dora, bob, carol];
    for (const one of queue) desk.deposit(one, owner);
    desk.beginEpoch(1);
    expect(statuses(desk, queue)).toEqual([active, pending, pending]);
    desk.beginEpoch(5);
    expect(statuses(desk, queue)).toEqual([active, active, pending]);
    expect(desk.info(bob).activationEpoch).toBe(5n);
  });

  it('lets so many go, in the order in which they asked', () => {
    const desk = openDesk(4);
    const queue = [carol, alice, dora];
    for (const one of queue) desk.must(one, 'requestExit', [one.address]);
    desk.beginEpoch(1);
    expect(statuses(desk, queue)).toEqual([exited, exiting, exiting]);
    desk.beginEpoch(2);
    expect(statuses(desk, queue)).toEqual([exited, exited, exiting]);
    expect(desk.ledger.candidates().map(({ address }) => address)).toEqual([bob.address, dora.address].sort());
  });

  it('moves more where there are many', () => {
    const desk = openDesk(8, { churnQuotient: 3 });
    for (const one of KEYS.slice(0, 4)) desk.must(one, 'requestExit', [one.address]);
    desk.beginEpoch(1);
    expect(statuses(desk, KEYS.slice(0, 4))).toEqual([exited, exited, exiting, exiting]);
  });

  it('never lets the last one go', () => {
    const desk = openDesk(2, { churnMin: 8 });
    for (const one of [alice, bob]) desk.must(one, 'requestExit', [one.address]);
    desk.beginEpoch(1);
    expect(statuses(desk, [alice, bob])).toEqual([exited, exiting]);
    desk.beginEpoch(2);
    expect(statuses(desk, [bob])).toEqual([exiting]);
    desk.deposit(carol, owner);
    desk.beginEpoch(3);
    expect(statuses(desk, [bob, carol])).toEqual([exited, active]);
  });

  it('does not take one in jail for one who can go on', () => {
    const desk = openDesk(2, { churnMin: 8 });
    desk.slash(bob);
    for (const one of [alice, bob]) desk.must(one, 'requestExit', [one.address]);
    desk.beginEpoch(1);
    expect(statuses(desk, [alice, bob])).toEqual([exiting, exited]);
  });

  it('makes who has too little left leave', () => {
    const desk = openDesk(3);
    desk.move({ validator: bob.address, penaltyWei: 17n * ETHER });
    expect(desk.info(bob).status).toBe(active);
    desk.beginEpoch(1);
    expect(desk.info(bob)).toMatchObject({ status: exited, own: 15n * ETHER });
  });

  it('names candidates by address, with what they have', () => {
    const desk = openDesk(2);
    desk.must(owner, 'delegate', [bob.address], 3n * ETHER);
    desk.deposit(carol, owner);
    desk.slash(alice);
    desk.must(bob, 'requestExit', [bob.address]);
    const candidates = new Map(desk.ledger.candidates().map(({ address, ...rest }) => [address, rest]));
    expect([...candidates.keys()]).toEqual([alice.address, bob.address, carol.address].sort());
    expect(candidates.get(alice.address)).toMatchObject({ ownWei: 24n * ETHER, status: 'active', jailed: true });
    expect(candidates.get(bob.address)).toMatchObject({ delegatedWei: 3n * ETHER, status: 'exiting', jailed: false });
    expect(candidates.get(carol.address)).toMatchObject({ ownWei: 32n * ETHER, status: 'pending' });
  });
});

describe('movements', () => {
  it('issue rewards, burn penalties of both in proportion, and jail', () => {
    const desk = openDesk(2);
    const supply = desk.supply();
    desk.must(owner, 'delegate', [alice.address], 32n * ETHER);
    expect(
      desk.move(
        { validator: alice.address, rewardWei: 2n * ETHER, penaltyWei: 6n * ETHER },
        { validator: bob.address, jail: true },
        { validator: carol.address, rewardWei: ETHER, penaltyWei: ETHER, jail: true },
      ),
    ).toEqual({ issued: 2n * ETHER, destroyed: 6n * ETHER });
    expect(desk.supply()).toBe(supply - 4n * ETHER);
    expect(desk.info(alice)).toMatchObject({
      own: 30n * ETHER,
      delegated: 30n * ETHER,
      rewards: 2n * ETHER,
      penalties: 6n * ETHER,
      jailed: false,
    });
    expect(desk.info(bob)).toMatchObject({ jailed: true, jailedUntilEpoch: 2n });
  });

  it('take no more than there is, and give nothing to who is gone', () => {
    const desk = openDesk(2);
    expect(desk.move({ validator: alice.address, penaltyWei: 100n * ETHER }).destroyed).toBe(32n * ETHER);
    desk.beginEpoch(1);
    expect(desk.info(alice)).toMatchObject({ own: 0n, status: exited });
    expect(desk.move({ validator: alice.address, rewardWei: ETHER })).toEqual({ issued: 0n, destroyed: 0n });
  });
});

describe('the genesis of stake', () => {
  it.for([
    ['validators', [], {}],
    [`validators.${alice.address}.power`, [{ address: alice.address, power: ETHER, jailed: false }], {}],
    ['engine.params.churnMin', [{ address: alice.address, power: 32n * ETHER, jailed: false }], { churnMin: 0.5 }],
    [
      'engine.params.stakeMinWei',
      [{ address: alice.address, power: 32n * ETHER, jailed: false }],
      { stakeMinWei: -1n },
    ],
  ] as const)('refuses bad %s', ([path, validators, rules]) => {
    expect(() => writeGenesisStake(new StateOverlay(emptyState()), { ...RULES, ...rules }, validators)).toThrow(
      expect.objectContaining({ code: 'CONFIG', data: { path } }),
    );
  });
});
