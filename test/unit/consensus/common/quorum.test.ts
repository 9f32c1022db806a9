import { expect, it } from 'vitest';
import { activeValidators, hasQuorum, quorumPower, totalPower } from '../../../../consensus/common/quorum.ts';
import { rigAddress } from '../../../conformance/rig-parts.ts';

it.each([
  [1n, 1n],
  [2n, 2n],
  [3n, 3n],
  [4n, 3n],
  [6n, 5n],
  [7n, 5n],
  [10n, 7n],
  [3n * 10n ** 30n, 2n * 10n ** 30n + 1n],
])('of %s a quorum is %s', (total, quorum) => {
  expect(quorumPower(total)).toBe(quorum);
});

it('nobody is no quorum, not even of nobody', () => {
  expect(hasQuorum([], () => true)).toBe(false);
});

it('jailed and powerless validators are not active', () => {
  const set = [
    { address: rigAddress(0), power: 5n, jailed: false },
    { address: rigAddress(1), power: 5n, jailed: true },
    { address: rigAddress(2), power: 0n, jailed: false },
  ];
  expect(totalPower(activeValidators(set))).toBe(5n);
});
