import { signTransaction } from '../codec/transaction.ts';
import { personalMessageDigest, signDigestForWallet } from '../crypto/personal-message.ts';
import type { Address, Bytes, Hash, Hex } from '../types/primitives.ts';
import { errorCode, errorText, ParleyError } from '../util/errors.ts';
import type { KeyedLock } from '../util/keyed-lock.ts';
import type { Accounts, SendRequest } from './api.ts';
import type { KeyPair } from './dev-keys.ts';
import { fillTransaction, type FillModules } from './fill-transaction.ts';
import type { NodeWallet } from './node-wallet.ts';

/** How often another nonce is chosen where somebody who signs elsewhere was faster with the same one. */
const NONCE_ATTEMPTS_MAX = 3;
const NONCE_TAKEN = new Set(['POOL_NONCE_TOO_LOW', 'POOL_REPLACEMENT_UNDERPRICED']);

export type AccountKeys = {
  /** Known to everybody and always unlocked: those of a devnet. */
  readonly dev: readonly KeyPair[];
  /** null: no keystore accounts. */
  readonly wallet: NodeWallet | null;
};

export type AccountsModules = {
  readonly node: FillModules;
  readonly lock: KeyedLock;
};

/** Hands a key to a function that must not keep it. */
type Lend = <T>(sign: (privateKey: Bytes) => T) => T;

/** All accounts that the node can sign for: a devnet's, and those of its wallet. */
export class NodeAccounts implements Accounts {
  readonly #devKeys: ReadonlyMap<Address, Bytes>;
  readonly #wallet: NodeWallet | null;
  readonly #modules: AccountsModules;

  constructor({ dev, wallet }: AccountKeys, modules: AccountsModules) {
    this.#devKeys = new Map(dev.map(({ address, privateKey }) => [address, privateKey]));
    this.#wallet = wallet;
    this.#modules = modules;
  }

  list(): readonly Address[] {
    const stored = this.#wallet?.accounts().map(({ address }) => address) ?? [];
    return [...new Set([...this.#devKeys.keys(), ...stored])];
  }

  /** Under the account's lock from choosing the nonce to the pool's answer, so that concurrent sends leave no gap. */
  send(request: SendRequest, password?: string): Promise<Hash> {
    return this.#withKey(request.from, password, async (lend) => {
      try {
        return await this.#modules.lock.run(request.from, () => this.#submit(request, lend));
      } catch (error) {
        if (!errorCode(error).startsWith('LOCK_')) throw error;
        throw new ParleyError('POOL_BUSY', `too many transactions of this account at once: ${errorText(error)}`);
      }
    });
  }

  signTransaction(request: SendRequest, password?: string): Promise<Bytes> {
    return this.#withKey(request.from, password, async (lend) => {
      const unsigned = await fillTransaction(this.#modules.node, request);
      return lend((privateKey) => signTransaction(unsigned, privateKey));
    });
  }

  signMessage(address: Address, message: Bytes, password?: string): Promise<Hex> {
    return this.signDigest(address, personalMessageDigest(message), password);
  }

  signDigest(address: Address, digest: Hash, password?: string): Promise<Hex> {
    return this.#withKey(address, password, (lend) => lend((privateKey) => signDigestForWallet(digest, privateKey)));
  }

  /** A nonce is taken only by what the pool has accepted: after a refusal the next transaction gets the same one. */
  async #submit(request: SendRequest, lend: Lend): Promise<Hash> {
    for (let attempt = 1; ; attempt++) {
      const unsigned = await fillTransaction(this.#modules.node, request);
      try {
        return await this.#modules.node.pool.submit(lend((privateKey) => signTransaction(unsigned, privateKey)));
      } catch (error) {
        const isTaken = request.nonce === undefined && NONCE_TAKEN.has(errorCode(error));
        if (!isTaken || attempt === NONCE_ATTEMPTS_MAX) throw error;
      }
    }
  }

  /** A devnet's key needs no password. Of the wallet, one that is given opens the account for this task alone. */
  async #withKey<T>(address: Address, password: string | undefined, task: (lend: Lend) => T | Promise<T>): Promise<T> {
    const devKey = this.#devKeys.get(address);
    if (devKey !== undefined) return task((sign) => sign(devKey));
    const wallet = this.#wallet;
    if (wallet === null || !wallet.has(address)) throw unknownAccount(address);
    if (password !== undefined) {
      return wallet.withPassword(address, password, (privateKey) => task((sign) => sign(privateKey)));
    }
    // Known to be locked now: not only after a wait in line.
    wallet.use(address, () => {});
    return task((sign) => wallet.use(address, sign));
  }
}

function unknownAccount(address: Address): ParleyError {
  return new ParleyError(
    'ACCOUNT_UNKNOWN',
    `this node holds no key for ${address}; sign in your wallet and send the raw transaction`,
    { address },
  );
}
