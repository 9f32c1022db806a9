import type { Guard } from '../../consensus/api/effect.ts';
import { keccak256 } from '../crypto/keccak.ts';
import { addressOf, signDigest } from '../crypto/secp256k1.ts';
import type { GuardedSigner } from '../ports/signer.ts';
import type { GuardStore } from '../ports/stores.ts';
import type { Address, Bytes, Hash, Signature } from '../types/primitives.ts';
import { fromHex } from '../util/hex.ts';
import { decodeGuardRecord, encodeGuardRecord, guardDomain, ruleOn } from './guard.ts';

const SECRET_DOMAIN: Bytes = Buffer.from('parley/secret/1', 'ascii');

/**
 * A validator's key in this process, behind the guard. One signature at a time, so that two requests for one place
 * can not both read the record before either writes it. Records are kept per genesis and address: a new chain begins
 * with a clean slate, the same chain never does.
 */
export class LocalSigner implements GuardedSigner {
  readonly address: Address;
  readonly #privateKey: Bytes;
  readonly #store: GuardStore | null;
  readonly #prefix: string;
  #last: Promise<unknown> = Promise.resolve();

  /** `store: null` takes the guard out; only tests and simulated adversaries do that. */
  constructor(
    options: { readonly privateKey: Bytes; readonly genesisHash: Hash },
    modules: { readonly store: GuardStore | null },
  ) {
    this.#privateKey = options.privateKey;
    this.address = addressOf(options.privateKey);
    this.#store = modules.store;
    this.#prefix = `${options.genesisHash}/${this.address}/`;
  }

  sign(digest: Hash, guard: Guard): Promise<Signature> {
    const result = this.#last.then(() => this.#guardedSign(digest, guard));
    this.#last = result.catch(() => {});
    return result;
  }

  secret(label: Bytes): Bytes {
    // The sponge needs no HMAC: what it gives for one input says nothing about another, or about the key before it.
    return fromHex(keccak256(Buffer.concat([this.#privateKey, SECRET_DOMAIN, Buffer.from(this.#prefix), label])));
  }

  async #guardedSign(digest: Hash, guard: Guard): Promise<Signature> {
    if (this.#store !== null) {
      const key = this.#prefix + guardDomain(guard);
      const saved = this.#store.get(key);
      const ruling = ruleOn(saved === undefined ? null : decodeGuardRecord(saved), guard, digest);
      if (ruling.kind === 'advance') await this.#store.put(key, encodeGuardRecord(ruling.record));
    }
    return signDigest(digest, this.#privateKey);
  }
}
