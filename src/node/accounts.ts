import { signTransaction, type UnsignedTransaction } from '../codec/transaction.ts';
import { personalMessageDigest, signDigestForWallet } from '../crypto/personal-message.ts';
import type { Address, Bytes, Hash, Hex } from '../types/primitives.ts';
import { errorCode, errorText, ParleyError } from '../util/errors.ts';
import type { KeyedLock } from '../util/keyed-lock.ts';
import type { Accounts, BlockView, NodeApi, SendRequest } from './api.ts';
import type { KeyPair } from './dev-keys.ts';
import type { NodeWallet } from './node-wallet.ts';

const TIP_DEFAULT = 1_000_000_000n;
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
  readonly node: Pick<NodeApi, 'chainId' | 'chain' | 'pool' | 'estimateGas'>;
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
      const unsigned = await this.#fill(request);
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
      const unsigned = await this.#fill(request);
      try {
        return await this.#modules.node.pool.submit(lend((privateKey) => signTransaction(unsigned, privateKey)));
      } catch (error) {
        const isTaken = request.nonce === undefined && NONCE_TAKEN.has(errorCode(error));
        if (!isTaken || attempt === NONCE_ATTEMPTS_MAX) throw error;
      }
    }
  }

  /** The nonce is chosen last, so that nothing comes between it and the signature. */
  async #fill(request: SendRequest): Promise<UnsignedTransaction> {
    const { node } = this.#modules;
    const head = node.chain.head();
    const fees = this.#fees(request, head);
    const to = request.to ?? null;
    const data = request.data ?? Buffer.alloc(0);
    const call = { from: request.from, to, data, value: request.value ?? 0n, accessList: request.accessList ?? [] };
    const gasLimit = request.gasLimit ?? (await node.estimateGas(call, head));
    return {
      type: fees.type,
      chainId: node.chainId,
      nonce: request.nonce ?? node.pool.pendingNonce(request.from),
      gasLimit,
      maxFeePerGas: fees.maxFeePerGas,
      maxPriorityFeePerGas: fees.maxPriorityFeePerGas,
      to,
      value: call.value,
      data,
      accessList: call.accessList,
    };
  }

  /** Twice the base fee leaves room for six full blocks before a transaction must wait. */
  #fees(
    request: SendRequest,
    head: BlockView,
  ): Pick<UnsignedTransaction, 'type' | 'maxFeePerGas' | 'maxPriorityFeePerGas'> {
    if (request.gasPrice !== undefined) {
      const type = request.type ?? (request.accessList === undefined ? 0 : 1);
      return { type, maxFeePerGas: request.gasPrice, maxPriorityFeePerGas: request.gasPrice };
    }
    const baseFee = this.#modules.node.chain.nextBaseFee(head);
    const type = request.type ?? 2;
    const ceiling = request.maxFeePerGas ?? baseFee * 2n + (request.maxPriorityFeePerGas ?? TIP_DEFAULT);
    const tip = request.maxPriorityFeePerGas ?? (ceiling < TIP_DEFAULT ? ceiling : TIP_DEFAULT);
    return { type, maxFeePerGas: ceiling, maxPriorityFeePerGas: type === 2 ? tip : ceiling };
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
