import { signTransaction, type UnsignedTransaction } from '../codec/transaction.ts';
import { keccak256 } from '../crypto/keccak.ts';
import { signDigest } from '../crypto/secp256k1.ts';
import type { Address, Bytes, Hash, Hex } from '../types/primitives.ts';
import { ParleyError } from '../util/errors.ts';
import { toHex } from '../util/hex.ts';
import type { KeyedLock } from '../util/keyed-lock.ts';
import type { BlockView, DevAccounts, NodeApi, SendRequest } from './api.ts';
import type { KeyPair } from './dev-keys.ts';

const TIP_DEFAULT = 1_000_000_000n;

export type DevAccountsModules = {
  readonly node: Pick<NodeApi, 'chainId' | 'chain' | 'pool' | 'estimateGas'>;
  readonly lock: KeyedLock;
};

/** Accounts whose keys the node holds because everybody knows them. Devnets only. */
export class LocalDevAccounts implements DevAccounts {
  readonly #keys: ReadonlyMap<Address, Bytes>;
  readonly #modules: DevAccountsModules;

  constructor(keys: readonly KeyPair[], modules: DevAccountsModules) {
    this.#keys = new Map(keys.map(({ address, privateKey }) => [address, privateKey]));
    this.#modules = modules;
  }

  list(): readonly Address[] {
    return [...this.#keys.keys()];
  }

  /** Under the account's lock from choosing the nonce to the pool's answer, so that concurrent sends leave no gap. */
  async send(request: SendRequest): Promise<Hash> {
    this.#key(request.from);
    return this.#modules.lock.run(request.from, async () =>
      this.#modules.node.pool.submit(await this.#fillAndSign(request)),
    );
  }

  async signTransaction(request: SendRequest): Promise<Bytes> {
    return this.#fillAndSign(request);
  }

  async signMessage(address: Address, message: Bytes): Promise<Hex> {
    const prefix = Buffer.from(`\u0019Ethereum Signed Message:\n${message.length}`);
    return this.signDigest(address, keccak256(Buffer.concat([prefix, message])));
  }

  async signDigest(address: Address, digest: Hash): Promise<Hex> {
    const signature = Buffer.from(signDigest(digest, this.#key(address)));
    signature[64] = (signature[64] ?? 0) + 27;
    return toHex(signature);
  }

  async #fillAndSign(request: SendRequest): Promise<Bytes> {
    const key = this.#key(request.from);
    const { node } = this.#modules;
    const head = node.chain.head();
    const fees = this.#fees(request, head);
    const to = request.to ?? null;
    const data = request.data ?? Buffer.alloc(0);
    const call = { from: request.from, to, data, value: request.value ?? 0n };
    const unsigned: UnsignedTransaction = {
      type: fees.type,
      chainId: node.chainId,
      nonce: request.nonce ?? node.pool.pendingNonce(request.from),
      gasLimit: request.gasLimit ?? (await node.estimateGas(call, head)),
      maxFeePerGas: fees.maxFeePerGas,
      maxPriorityFeePerGas: fees.maxPriorityFeePerGas,
      to,
      value: call.value,
      data,
      accessList: request.accessList ?? [],
    };
    return signTransaction(unsigned, key);
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

  #key(address: Address): Bytes {
    const key = this.#keys.get(address);
    if (key === undefined) {
      throw new ParleyError(
        'ACCOUNT_UNKNOWN',
        `this node holds no key for ${address}; sign in your wallet and send the raw transaction`,
        { address },
      );
    }
    return key;
  }
}
