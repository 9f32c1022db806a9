import type { Guard } from '../../../consensus/api/effect.ts';
import { addressOf } from '../../../src/crypto/secp256k1.ts';
import type { GuardStore } from '../../../src/ports/stores.ts';
import type { Address, Bytes, Hash } from '../../../src/types/primitives.ts';
import { errorCode } from '../../../src/util/errors.ts';
import { LocalSigner, type GuardStrategy } from '../../../src/wallet/local-signer.ts';

export const GENESIS: Hash = `0x${'11'.repeat(32)}`;
export const STRATEGIES: readonly GuardStrategy[] = ['minimal', 'complete'];

/** A number as 32 bytes: digests that are easy to read. */
export function root(value: number | bigint): Hash {
  return `0x${value.toString(16).padStart(64, '0')}`;
}

export function key(index: number): Bytes {
  return Buffer.from(root(index + 1).slice(2), 'hex');
}

export function address(index: number): Address {
  return addressOf(key(index));
}

export function signer(store: GuardStore, strategy: GuardStrategy, index = 0): LocalSigner {
  return new LocalSigner({ privateKey: key(index), genesisHash: GENESIS, strategy }, { store });
}

export function slot(height: number): Guard {
  return { kind: 'once', domain: 'slot', height, round: 0, step: 0 };
}

export function ffg(source: number, target: number): Guard {
  return { kind: 'ffg', source, target };
}

/** false: refused by the guard. Anything else that goes wrong is thrown. */
export async function signs(by: LocalSigner, digest: Hash, guard: Guard): Promise<boolean> {
  try {
    await by.sign(digest, guard);
    return true;
  } catch (error) {
    if (errorCode(error) === 'GUARD_REFUSED') return false;
    throw error;
  }
}
