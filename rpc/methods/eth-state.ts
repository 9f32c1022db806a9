/** Accounts after a block: balance, nonce, code, storage, proof. The block is optional everywhere and means latest. */
import type { ProofView } from '../../src/node/api.ts';
import type { Address, Hash, JsonObject, JsonValue } from '../../src/types/primitives.ts';
import { toHex } from '../../src/util/hex.ts';
import { blockSelector, requireBlock } from '../block-params.ts';
import { invalidParams } from '../errors.ts';
import { quantity, quantityOfWord } from '../format.ts';
import { addressParam, isList, slotParam, type Params } from '../params.ts';
import { method, type MethodTable } from '../router.ts';
import type { MethodContext } from './context.ts';

export function ethStateMethods({ node, limits }: MethodContext): MethodTable {
  const { chain, pool } = node;

  const getTransactionCount = (params: Params): JsonValue => {
    const address = addressParam(params[0], 0);
    const selector = blockSelector(params[1], 1);
    if (selector.by === 'tag' && selector.tag === 'pending') return quantity(pool.pendingNonce(address));
    return quantity(chain.account(address, requireBlock(chain, selector)).nonce);
  };
  const getProof = (params: Params): JsonValue => {
    const address = addressParam(params[0], 0);
    const keys = params[1];
    if (!isList(keys)) throw invalidParams(1, 'storage keys must be an array');
    if (keys.length > limits.proofSlotsMax) throw invalidParams(1, `more than ${limits.proofSlotsMax} storage keys`);
    const slots = keys.map((key) => slotParam(key, 1));
    return formatProof(address, slots, chain.proof(address, slots, requireBlock(chain, blockSelector(params[2], 2))));
  };

  return {
    eth_getBalance: method(1, 2, (params) => {
      const address = addressParam(params[0], 0);
      return quantity(chain.account(address, requireBlock(chain, blockSelector(params[1], 1))).balance);
    }),
    eth_getTransactionCount: method(1, 2, getTransactionCount),
    eth_getCode: method(1, 2, (params) => {
      const address = addressParam(params[0], 0);
      return toHex(chain.code(address, requireBlock(chain, blockSelector(params[1], 1))));
    }),
    eth_getStorageAt: method(2, 3, (params) => {
      const address = addressParam(params[0], 0);
      const slot = slotParam(params[1], 1);
      return chain.storage(address, slot, requireBlock(chain, blockSelector(params[2], 2)));
    }),
    eth_getProof: method(2, 3, getProof),
  };
}

function formatProof(address: Address, slots: readonly Hash[], proof: ProofView): JsonObject {
  return {
    address,
    accountProof: proof.accountProof,
    balance: quantity(proof.account.balance),
    codeHash: proof.account.codeHash,
    nonce: quantity(proof.account.nonce),
    storageHash: proof.account.storageRoot,
    storageProof: proof.storageProof.map((entry, i) => ({
      key: slots[i] ?? entry.key,
      value: quantityOfWord(entry.value),
      proof: entry.proof,
    })),
  };
}
