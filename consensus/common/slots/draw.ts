import { encodeRlp, encodeUint } from '../../../src/codec/rlp.ts';
import type { Address, Bytes, Hash } from '../../../src/types/primitives.ts';
import type { ValidatorSet } from '../../../src/types/validator.ts';
import { fromHex } from '../../../src/util/hex.ts';
import { totalPower } from '../quorum.ts';

/** Draws from a seed. `keccak256` is the engine's; 256 bits against any sum of stakes leave no bias worth the name. */
export type Hasher = { keccak256(bytes: Bytes): Hash };

const PROPOSER = 1;
const SHUFFLE = 2;
const SEED = 3;

/** One validator, each with a chance in proportion to its power; null of nobody. */
export function drawByPower(validators: ValidatorSet, seed: Hash, slot: number, hasher: Hasher): Address | null {
  const total = totalPower(validators);
  if (total === 0n) return null;
  let at = drawn(seed, PROPOSER, slot, hasher) % total;
  for (const { address, power } of validators) {
    if (at < power) return address;
    at -= power;
  }
  return null;
}

/** All of them, every order alike (Fisher and Yates). */
export function shuffled<T>(items: readonly T[], seed: Hash, hasher: Hasher): readonly T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Number(drawn(seed, SHUFFLE, i, hasher) % BigInt(i + 1));
    const [a, b] = [order[i], order[j]];
    if (a !== undefined && b !== undefined) [order[i], order[j]] = [b, a];
  }
  return order;
}

/** The seed of an epoch from what was opened before it. */
export function seedOf(mix: Hash, epoch: number, hasher: Hasher): Hash {
  return hasher.keccak256(encodeRlp([encodeUint(SEED), fromHex(mix), encodeUint(epoch)]));
}

function drawn(seed: Hash, purpose: number, index: number, hasher: Hasher): bigint {
  return BigInt(hasher.keccak256(encodeRlp([encodeUint(purpose), fromHex(seed), encodeUint(index)])));
}
