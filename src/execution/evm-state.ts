/**
 * The world state as the EVM library wants it, over a StateOverlay. Only what the interpreter calls is here. Frames nest as
 * checkpoints of the overlay, so a revert of the library is a revert of the overlay, and native code sees the same state.
 */
import type { AccountFields, StateManagerInterface } from '@ethereumjs/common';
import { Account as EvmAccount, type Address as EvmAddress } from '@ethereumjs/util';
import type { StateOverlay } from '../state/overlay.ts';
import { EMPTY_ACCOUNT, EMPTY_CODE_HASH, EMPTY_ROOT, type Account } from '../types/account.ts';
import type { Address, Bytes, Hash } from '../types/primitives.ts';
import { ParleyError } from '../util/errors.ts';
import { bytesEqual, fromHex, toHex } from '../util/hex.ts';

const EMPTY_CODE_HASH_BYTES = fromHex(EMPTY_CODE_HASH);
const EMPTY_ROOT_BYTES = fromHex(EMPTY_ROOT);

export class EvmState implements StateManagerInterface {
  readonly originalStorageCache = {
    /** The value at the start of the transaction: the interpreter asks before it first writes a slot. */
    get: (address: EvmAddress, key: Uint8Array): Promise<Uint8Array> => {
      const name = addressOf(address) + toHex(key);
      let value = this.#original.get(name);
      if (value === undefined) {
        value = fromHex(this.#overlay.storage(addressOf(address), toHex(key)));
        this.#original.set(name, value);
      }
      return Promise.resolve(value);
    },
    clear: (): void => this.#original.clear(),
  };
  readonly #overlay: StateOverlay;
  readonly #onFrame: () => Promise<void> | undefined;
  readonly #original = new Map<string, Bytes>();
  /** Coins that appeared (or, negative, vanished) within each open frame; the first entry is the transaction's. */
  #supplyDeltas: bigint[] = [0n];

  /** `onFrame` is awaited at the start of each message. */
  constructor(overlay: StateOverlay, onFrame: () => Promise<void> | undefined) {
    this.#overlay = overlay;
    this.#onFrame = onFrame;
  }

  /** Coins destroyed since the last call: a contract that was created and destroyed within one transaction takes its balance along. */
  takeDestroyed(): bigint {
    const destroyed = -(this.#supplyDeltas[0] ?? 0n);
    this.#supplyDeltas = [0n];
    return destroyed;
  }

  /** Takes back every frame that is still open, when a call broke off in the middle. */
  abandon(): void {
    for (let open = this.#supplyDeltas.length - 1; open > 0; open--) this.#overlay.revert();
    this.#supplyDeltas = [0n];
  }

  async getAccount(address: EvmAddress): Promise<EvmAccount | undefined> {
    const account = this.#overlay.account(addressOf(address));
    if (account === undefined) return undefined;
    return new EvmAccount(
      BigInt(account.nonce),
      account.balance,
      account.storageRoot === EMPTY_ROOT ? EMPTY_ROOT_BYTES : fromHex(account.storageRoot),
      account.codeHash === EMPTY_CODE_HASH ? EMPTY_CODE_HASH_BYTES : fromHex(account.codeHash),
    );
  }

  async putAccount(address: EvmAddress, account?: EvmAccount): Promise<void> {
    if (account === undefined) return this.deleteAccount(address);
    const { nonce, balance, codeHash } = account;
    this.#write(addressOf(address), { nonce: Number(nonce), balance, codeHash: hashOf(codeHash) });
  }

  async modifyAccountFields(address: EvmAddress, fields: AccountFields): Promise<void> {
    const { nonce, balance, codeHash } = fields;
    this.#write(addressOf(address), {
      ...(nonce === undefined ? {} : { nonce: Number(nonce) }),
      ...(balance === undefined ? {} : { balance }),
      ...(codeHash === undefined ? {} : { codeHash: hashOf(codeHash) }),
    });
  }

  async deleteAccount(address: EvmAddress): Promise<void> {
    const name = addressOf(address);
    const account = this.#overlay.account(name);
    // The library also "deletes" accounts that never were.
    if (account === undefined) return;
    this.#addSupply(-account.balance);
    this.#overlay.deleteAccount(name);
  }

  async putCode(address: EvmAddress, value: Uint8Array): Promise<void> {
    this.#overlay.setCode(addressOf(address), value);
  }

  async getCode(address: EvmAddress): Promise<Uint8Array> {
    const codeHash = this.#overlay.account(addressOf(address))?.codeHash ?? EMPTY_CODE_HASH;
    const code = this.#overlay.code(codeHash);
    if (code === undefined) throw new ParleyError('STATE_CODE_MISSING', `no code with hash ${codeHash} is stored`);
    return code;
  }

  async getCodeSize(address: EvmAddress): Promise<number> {
    return (await this.getCode(address)).length;
  }

  async getStorage(address: EvmAddress, key: Uint8Array): Promise<Uint8Array> {
    return fromHex(this.#overlay.storage(addressOf(address), toHex(key)));
  }

  async putStorage(address: EvmAddress, key: Uint8Array, value: Uint8Array): Promise<void> {
    this.#overlay.setStorage(addressOf(address), toHex(key), wordOf(value));
  }

  async clearStorage(address: EvmAddress): Promise<void> {
    this.#overlay.clearStorage(addressOf(address));
  }

  async checkpoint(): Promise<void> {
    this.#overlay.checkpoint();
    this.#supplyDeltas.push(0n);
    await this.#onFrame();
  }

  async commit(): Promise<void> {
    this.#overlay.commit();
    this.#addSupply(this.#supplyDeltas.pop() ?? 0n);
  }

  async revert(): Promise<void> {
    this.#overlay.revert();
    this.#supplyDeltas.pop();
  }

  clearCaches(): void {
    this.originalStorageCache.clear();
  }

  getStateRoot(): Promise<Uint8Array> {
    throw unused('getStateRoot');
  }

  setStateRoot(): Promise<void> {
    throw unused('setStateRoot');
  }

  hasStateRoot(): Promise<boolean> {
    throw unused('hasStateRoot');
  }

  shallowCopy(): StateManagerInterface {
    throw unused('shallowCopy');
  }

  /** The storage root stays the overlay's own business: the layer computes it once a block. */
  #write(address: Address, fields: Partial<Account>): void {
    const before = this.#overlay.account(address) ?? EMPTY_ACCOUNT;
    this.#overlay.setAccount(address, { ...before, ...fields });
    if (fields.balance !== undefined) this.#addSupply(fields.balance - before.balance);
  }

  #addSupply(delta: bigint): void {
    const last = this.#supplyDeltas.length - 1;
    this.#supplyDeltas[last] = (this.#supplyDeltas[last] ?? 0n) + delta;
  }
}

function addressOf(address: EvmAddress): Address {
  return toHex(address.bytes);
}

function hashOf(codeHash: Bytes): Hash {
  return bytesEqual(codeHash, EMPTY_CODE_HASH_BYTES) ? EMPTY_CODE_HASH : toHex(codeHash);
}

/** Values arrive without leading zeros. */
function wordOf(value: Bytes): Hash {
  return `0x${Buffer.from(value).toString('hex').padStart(64, '0')}`;
}

function unused(method: string): ParleyError {
  return new ParleyError('INVARIANT', `the EVM library called ${method}, which execution does not offer`);
}
