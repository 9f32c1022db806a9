import type { Guard } from '../../consensus/api/effect.ts';
import { keccak256 } from '../crypto/keccak.ts';
import { addressOf, signDigest } from '../crypto/secp256k1.ts';
import type { GuardedSigner } from '../ports/signer.ts';
import type { GuardStore } from '../ports/stores.ts';
import type { Address, Bytes, Hash, Signature } from '../types/primitives.ts';
import { fromHex } from '../util/hex.ts';
import {
  checkSense,
  decodeGuardRecord,
  encodeGuardRecord,
  guardDomain,
  guardPrefix,
  refusedBy,
  ruleOn,
} from './guard.ts';
import { HistoryStore, isSameTop, signedOf, trackOf, type Track } from './history-store.ts';
import { ruleOnHistory, withoutGap, type History } from './history.ts';

const SECRET_DOMAIN: Bytes = Buffer.from('parley/secret/1', 'ascii');

/**
 * How finality votes and blocks by slot are judged (EIP-3076). `minimal`: by the furthest place alone; sources never go back,
 * targets and slots only forward. `complete`: by all that was signed, so that nothing is refused but what would be punished
 * or lies below what is on record. Other kinds of guard know only the furthest place.
 */
export type GuardStrategy = 'minimal' | 'complete';

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
  readonly #genesisHash: Hash;
  readonly #strategy: GuardStrategy;
  /** As they are stored. */
  readonly #histories = new Map<Track, History>();
  #last: Promise<unknown> = Promise.resolve();

  /** `store: null` takes the guard out; only tests and simulated adversaries do that. */
  constructor(
    options: { readonly privateKey: Bytes; readonly genesisHash: Hash; readonly strategy?: GuardStrategy },
    modules: { readonly store: GuardStore | null },
  ) {
    this.#privateKey = options.privateKey;
    this.address = addressOf(options.privateKey);
    this.#store = modules.store;
    this.#genesisHash = options.genesisHash;
    this.#prefix = guardPrefix(options.genesisHash, this.address);
    this.#strategy = options.strategy ?? 'minimal';
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
      const track = this.#strategy === 'complete' ? trackOf(guard) : null;
      if (track === null) await this.#advanceRecord(this.#store, digest, guard);
      else await this.#advanceHistory(this.#store, track, digest, guard);
    }
    return signDigest(digest, this.#privateKey);
  }

  async #advanceRecord(store: GuardStore, digest: Hash, guard: Guard): Promise<void> {
    const key = this.#prefix + guardDomain(guard);
    const saved = store.get(key);
    const ruling = ruleOn(saved === undefined ? null : decodeGuardRecord(saved), guard, digest);
    if (ruling.kind === 'advance') await store.put(key, encodeGuardRecord(ruling.record));
  }

  async #advanceHistory(store: GuardStore, track: Track, digest: Hash, guard: Guard): Promise<void> {
    checkSense(guard);
    const histories = new HistoryStore({ genesisHash: this.#genesisHash, address: this.address }, { store });
    const cached = this.#histories.get(track);
    const isFresh = cached !== undefined && isSameTop(cached.top, histories.top(track));
    const stored = isFresh ? cached : await histories.read(track);
    const ruling = ruleOnHistory(withoutGap(stored), signedOf(guard, digest));
    if (ruling.kind === 'refuse') throw refusedBy(ruling.reason, guard);
    // A write that fails may still have reached the disk: read again then.
    this.#histories.delete(track);
    if (ruling.kind === 'advance') await store.putAll(histories.writes(track, stored, ruling.history));
    this.#histories.set(track, ruling.kind === 'advance' ? ruling.history : stored);
  }
}
