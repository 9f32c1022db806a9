import { describe, expect, it } from 'vitest';
import { rigAddress } from '../../../conformance/rig-parts.ts';
import { COIN, staked } from './harness.ts';
import { familyOf, hashOf, Ledger } from './states.ts';

const three = staked(32, 64, 96);
const [a, b, c] = [rigAddress(0), rigAddress(1), rigAddress(2)];
const stakeOf = (who: string): bigint => three.find(({ address }) => address === who)?.power ?? 0n;
const part = (wei: bigint, ppm: bigint): bigint => (wei * ppm) / 1_000_000n;
const total = (movements: readonly { readonly rewardWei: bigint; readonly penaltyWei: bigint }[]) =>
  movements.reduce((sum, { rewardWei, penaltyWei }) => sum + rewardWei + penaltyWei, 0n);

/** Blocks 1, 4 and 5: the first block of epoch 1 is there and has its name. */
function inEpochOne(family = familyOf()): Ledger {
  const ledger = new Ledger(family, three);
  for (const slot of [1, 4]) ledger.block(slot, [], a);
  return ledger;
}

describe('wages', () => {
  it('are paid for an attestation after the next epoch has ended, in proportion to stake', () => {
    const ledger = inEpochOne();
    ledger.block(5, ledger.attestations([a, b, c]), a);
    expect(total(ledger.block(8, [], b).movements.filter(({ validator }) => validator !== a))).toBe(0n);
    const { movements, epoch } = ledger.block(12, [], b);
    expect(epoch).toBe(3);
    const pays = movements.map(({ validator, rewardWei, penaltyWei }) => [validator, rewardWei, penaltyWei]);
    expect(pays).toEqual([a, b, c].map((who) => [who, part(stakeOf(who), 100n), 0n]));
  });

  it('cost those whose attestation no block has carried until then', () => {
    const ledger = inEpochOne();
    ledger.block(5, ledger.attestations([a]), a);
    ledger.block(8, [], a);
    const { movements } = ledger.block(12, [], a);
    expect(movements).toEqual([
      { validator: a, rewardWei: part(stakeOf(a), 100n), penaltyWei: 0n, jail: false },
      { validator: b, rewardWei: 0n, penaltyWei: part(stakeOf(b), 50n), jail: false },
      { validator: c, rewardWei: 0n, penaltyWei: part(stakeOf(c), 50n), jail: false },
    ]);
  });

  it('are earned by an attestation that comes an epoch late as well, and by none that comes later', () => {
    const run = (slot: number) => {
      const ledger = inEpochOne();
      const votes = ledger.attestations([b]);
      for (const at of [5, 8, 11]) ledger.block(at, at === slot ? votes : [], a);
      const closing = ledger.block(12, slot === 12 ? votes : [], a);
      return closing.movements.find(({ validator }) => validator === b)?.rewardWei;
    };
    expect([5, 8, 11].map(run)).toEqual([5, 8, 11].map(() => part(stakeOf(b), 100n)));
    expect(run(12)).toBe(0n);
  });

  it('are paid to the author that carried an attestation first, in proportion to the stake behind it', () => {
    const ledger = inEpochOne();
    ledger.block(5, ledger.attestations([b]), a);
    ledger.block(6, ledger.attestations([b, c]), b);
    const { movements } = ledger.block(8, [], c);
    expect(movements).toEqual([
      { validator: a, rewardWei: part(stakeOf(b), 100n) / 8n, penaltyWei: 0n, jail: false },
      { validator: b, rewardWei: part(stakeOf(c), 100n) / 8n, penaltyWei: 0n, jail: false },
    ]);
  });

  it('are not paid for attestations of strangers, for other checkpoints, or twice', () => {
    const ledger = inEpochOne();
    const [own, other] = [ledger.attestations([b]), ledger.attestations([c], hashOf('another branch'))];
    ledger.block(5, [...own, ...own, ...ledger.attestations([rigAddress(9)]), ...other], a);
    ledger.block(6, own, a);
    expect(ledger.slots.turns.get(a)?.carried).toBe(stakeOf(b));
    expect([...ledger.slots.current.attesters.values()]).toEqual([false, true, false]);
  });

  it('of the first epochs: genesis asked nothing of anybody, so nothing is missing', () => {
    const ledger = new Ledger(familyOf(), three);
    const movements = [1, 2, 3, 4, 8].flatMap((slot) => ledger.block(slot).movements);
    expect(movements).toEqual([]);
    expect(ledger.slots.stalledEpochs).toBe(0);
    expect(ledger.block(12).movements.every(({ penaltyWei }) => penaltyWei > 0n)).toBe(true);
  });

  it('are counted for those who had a duty: who comes in later owes nothing for the time before', () => {
    const ledger = inEpochOne();
    ledger.block(8, [], a);
    ledger.state = { ...ledger.state, validators: staked(32, 64, 96, 32) };
    const { movements } = ledger.block(12, [], a);
    expect(movements.map(({ validator }) => validator)).toEqual([a, b, c]);
  });

  it('are said in the first block of an epoch alone', () => {
    const ledger = inEpochOne();
    for (let slot = 5; slot < 40; slot++) {
      const { movements, epoch } = ledger.block(slot, ledger.attestations([a]));
      expect(epoch).toBe(slot % 4 === 0 ? slot / 4 : null);
      if (slot % 4 !== 0) expect(movements).toEqual([]);
    }
  });

  it('of whoever is jailed are neither paid nor charged', () => {
    const ledger = inEpochOne();
    ledger.block(8, [], a);
    const validators = three.map((validator) => ({ ...validator, jailed: validator.address === b }));
    ledger.state = { ...ledger.state, validators };
    expect(ledger.block(12, [], a).movements.map(({ validator }) => validator)).toEqual([a, c]);
  });
});

describe('turns', () => {
  const turnsOf = (ledger: Ledger, who: typeof a) => {
    const { made, missed } = ledger.slots.turns.get(who) ?? { made: 0, missed: 0 };
    return [made, missed];
  };

  it('are made by the author of a block, and missed by whom the empty slots before it were drawn for', () => {
    const ledger = new Ledger(familyOf({ slotsPerEpoch: 64 }), three);
    const drawn = Array.from({ length: 20 }, (_, i) => ledger.drawn(i + 1));
    ledger.block(21, [], b);
    const missed = [a, b, c].map((who) => drawn.filter((one) => one === who).length);
    expect([a, b, c].map((who) => turnsOf(ledger, who))).toEqual([
      [0, missed[0]],
      [1, missed[1]],
      [0, missed[2]],
    ]);
    expect(missed.reduce((sum, count) => sum + count, 0)).toBe(20);
  });

  it('are counted in the epoch in which they were, those of its first block as well', () => {
    const ledger = new Ledger(familyOf({ slotsPerEpoch: 8 }), staked(32));
    ledger.block(1);
    ledger.block(6);
    expect(turnsOf(ledger, a)).toEqual([2, 4]);
    // Slot 7 was missed in the epoch before; 8 and 9 in this one.
    ledger.block(10);
    expect(turnsOf(ledger, a)).toEqual([1, 2]);
  });

  it('are nobody’s in an outage: an epoch without a block is nothing, and a long gap neither', () => {
    for (const [from, to, slotsPerEpoch] of [
      [1, 16, 8],
      [1, 8 * 3600, 8],
      [1, 67, 128],
    ] as const) {
      const ledger = new Ledger(familyOf({ slotsPerEpoch }), three);
      ledger.block(from, [], a);
      ledger.block(to, [], a);
      expect([b, c].map((who) => turnsOf(ledger, who))).toEqual([
        [0, 0],
        [0, 0],
      ]);
    }
    const ledger = new Ledger(familyOf({ slotsPerEpoch: 128 }), staked(32));
    ledger.block(1);
    ledger.block(66);
    expect(turnsOf(ledger, a)).toEqual([2, 64]);
  });
});

describe('jail for missed turns', () => {
  const family = familyOf({ slotsPerEpoch: 8, wages: { missedTurnsMax: 2 } });
  const jailed = (ledger: Ledger, slot: number) =>
    ledger.block(slot, [], a).movements.flatMap(({ validator, jail }) => (jail ? [validator] : []));

  /** Epoch 1 with the given blocks by their authors; slots that are left out are missed by whom they were drawn for. */
  function epochOne(made: (drawn: string, slot: number) => boolean): Ledger {
    const ledger = new Ledger(family, three);
    ledger.block(7, [], a);
    for (let slot = 8; slot < 16; slot++) {
      const drawn = ledger.drawn(slot);
      if (made(drawn, slot)) ledger.block(slot, [], drawn);
    }
    return ledger;
  }

  it('meets who missed so many and made none', () => {
    const ledger = epochOne((drawn) => drawn !== c);
    expect(ledger.slots.turns.get(c)?.missed ?? 0).toBeGreaterThanOrEqual(1);
    expect(jailed(ledger, 16)).toEqual([c]);
  });

  it('does not meet who made one, be it the epoch’s first', () => {
    const probe = new Ledger(family, three);
    probe.block(7, [], a);
    const first = probe.drawn(8);
    const ledger = epochOne((drawn, slot) => drawn !== first || slot === 8);
    expect(ledger.slots.turns.get(first)?.made).toBe(1);
    expect(jailed(ledger, 16)).not.toContain(first);
  });

  it('counts on from epoch to epoch, and anew from each block of its own', () => {
    const jailedWhere = (isOfB: (slot: number) => boolean, madeByB: readonly number[] = []) => {
      const rota = {
        ...familyOf({ wages: { missedTurnsMax: 2 } }),
        proposer: (...[, , slot]: unknown[]) => (isOfB(Number(slot)) ? b : a),
      };
      const ledger = new Ledger(rota, three);
      const all = Array.from({ length: 40 }, (_, i) => i + 1);
      const made = all.filter((slot) => !isOfB(slot) || madeByB.includes(slot));
      const jails = made.map((slot) => ledger.block(slot, [], isOfB(slot) ? b : a).movements.some(({ jail }) => jail));
      return made.filter((_, i) => jails[i]);
    };
    // One turn in an epoch: the second in a row is missed in slot 6.
    expect(jailedWhere((slot) => slot % 4 === 2)[0]).toBe(8);
    expect(jailedWhere((slot) => slot % 4 === 2, [6, 14, 22, 30, 38])).toEqual([]);
    expect(jailedWhere((slot) => slot % 4 > 1)).toContain(8);
  });

  it('does not meet who comes back with the first block of the epoch', () => {
    const ledger = new Ledger({ ...familyOf({ wages: { missedTurnsMax: 2 } }), proposer: () => b }, three);
    ledger.block(1, [], a);
    expect(ledger.slots.turns.get(b)).toBeUndefined();
    ledger.block(3, [], a);
    ledger.block(4, [], a);
    ledger.block(6, [], a);
    expect(ledger.slots.turns.get(b)?.missed).toBe(2);
    const { movements } = ledger.block(8, [], b);
    expect(movements.filter(({ jail }) => jail)).toEqual([]);
  });

  it('settles what was owed: who asked back in begins anew', () => {
    const ledger = new Ledger({ ...familyOf({ wages: { missedTurnsMax: 100 } }), proposer: () => b }, three);
    ledger.block(1, [], a);
    ledger.block(3, [], a);
    expect(ledger.slots.turns.get(b)?.missed).toBe(1);
    const inJail = three.map((validator) => (validator.address === b ? { ...validator, jailed: true } : validator));
    ledger.state = { ...ledger.state, validators: inJail };
    ledger.block(4, [], a);
    expect(ledger.slots.turns.get(b)).toBeUndefined();
  });

  it('never comes without the rule, nor after an outage', () => {
    const lenient = new Ledger(familyOf({ slotsPerEpoch: 8 }), three);
    lenient.block(7, [], a);
    expect(lenient.block(17, [], a).movements.filter(({ jail }) => jail)).toEqual([]);
    const ledger = epochOne(() => true);
    expect(jailed(ledger, 8 * 1000)).toEqual([]);
  });
});

describe('stalled epochs', () => {
  it('are counted where wages are nothing as well', () => {
    const ledger = new Ledger({ ...familyOf(), baseWei: () => 0n }, three);
    for (let epoch = 1; epoch <= 4; epoch++) {
      ledger.block(4 * epoch, [], a);
      ledger.block(4 * epoch + 1, ledger.attestations([a, b, c]), a);
    }
    expect(ledger.slots.stalledEpochs).toBe(0);
  });

  it('are those in a row without attestations of more than two thirds', () => {
    const ledger = inEpochOne();
    const counts: number[] = [];
    const plan: (readonly (typeof a)[])[] = [[a, b], [a, c], [b, c], [], [a, b, c], [a, b], [c]];
    for (const [i, voters] of plan.entries()) {
      const start = 4 * (i + 1);
      ledger.block(start + 1, ledger.attestations(voters), a);
      ledger.block(start + 4, [], a);
      counts.push(ledger.slots.stalledEpochs);
    }
    // Each is judged an epoch later. Of 192 coins, a quorum is more than 128.
    expect(counts).toEqual([0, 1, 2, 0, 1, 0, 1]);
    expect(192n * COIN).toBe(three.reduce((sum, { power }) => sum + power, 0n));
  });

  it('do not count epochs without a block', () => {
    const ledger = inEpochOne();
    ledger.block(4 * 1000, [], a);
    ledger.block(4 * 2000, [], a);
    ledger.block(4 * 3000, [], a);
    expect(ledger.slots.stalledEpochs).toBe(2);
  });
});
