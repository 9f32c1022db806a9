import type { Address, Bytes, Hash, Signature } from '../types/primitives.ts';
import type { Guard } from '../../consensus/api/effect.ts';

/**
 * Signs for one validator, behind the guard: the guard's record of the statement is on disk before the signature is
 * handed out. The same place and the same digest give a signature again; the same place and another digest are refused.
 */
export interface GuardedSigner {
  readonly address: Address;
  /** Rejects with GUARD_REFUSED (ParleyError; data says which rule) when it would contradict what was signed before. */
  sign(digest: Hash, guard: Guard): Promise<Signature>;
  /** 32 bytes that only the holder of this key can compute, the same for the same label on this chain. Signs nothing. */
  secret(label: Bytes): Bytes;
}
