/** Accounts after a block: balance, nonce, code, storage, proof. The block is optional everywhere and means latest. */
import type { ProofView } from '../../src/node/api.ts';
import type { Address, Hash, JsonObject, JsonValue } from '../../src/types/primitives.ts';
import { toHex } from '../../src/util/hex.ts';
import { BLOCK_OR_LATEST, requireBlock, type BlockSelector } from '../block-params.ts';
import { invalidParams, RESOURCE_NOT_FOUND, RESOURCE_UNAVAILABLE } from '../errors.ts';
import { quantity, quantityOfWord } from '../format.ts';
import { define, param, type MethodTable } from '../method.ts';
import { ADDRESS, SLOT } from '../params.ts';
import { dictionary, list, mapped, type ParamType } from '../schema/param-type.ts';
import { ADDRESS_RESULT, DATA_RESULT, HASH_RESULT, listOf, mapOf, QUANTITY_RESULT, shape } from '../schema/results.ts';
import type { MethodContext } from './context.ts';

const ACCOUNT = param('address', ADDRESS);
const BLOCK = param('block', BLOCK_OR_LATEST);
const errors = [RESOURCE_NOT_FOUND, RESOURCE_UNAVAILABLE];

const PROOF_RESULT = shape({
  address: ADDRESS_RESULT,
  accountProof: listOf(DATA_RESULT),
  balance: QUANTITY_RESULT,
  codeHash: HASH_RESULT,
  nonce: QUANTITY_RESULT,
  storageHash: HASH_RESULT,
  storageProof: listOf(shape({ key: HASH_RESULT, value: QUANTITY_RESULT, proof: listOf(DATA_RESULT) })),
});

export function ethStateMethods({ node, limits }: MethodContext): MethodTable {
  const { chain, pool } = node;

  const transactionCount = (address: Address, selector: BlockSelector): JsonValue => {
    if (selector.by === 'tag' && selector.tag === 'pending') return quantity(pool.pendingNonce(address));
    return quantity(chain.account(address, requireBlock(chain, selector)).nonce);
  };
  const slots = list(SLOT, { what: 'storage keys', items: 'slot' }, limits.proofSlotsMax);

  return {
    eth_getBalance: define({
      summary: 'Balance of an account in wei.',
      params: [ACCOUNT, BLOCK],
      result: QUANTITY_RESULT,
      errors,
      handle: ([address, selector]) => quantity(chain.account(address, requireBlock(chain, selector)).balance),
    }),
    eth_getTransactionCount: define({
      summary: 'Nonce of an account; `pending` counts what waits in the pool.',
      params: [ACCOUNT, BLOCK],
      result: QUANTITY_RESULT,
      errors,
      handle: ([address, selector]) => transactionCount(address, selector),
    }),
    eth_getCode: define({
      summary: 'Code of a contract.',
      params: [ACCOUNT, BLOCK],
      result: DATA_RESULT,
      errors,
      handle: ([address, selector]) => toHex(chain.code(address, requireBlock(chain, selector))),
    }),
    eth_getStorageAt: define({
      summary: 'A word of storage.',
      params: [ACCOUNT, param('slot', SLOT), BLOCK],
      result: HASH_RESULT,
      errors,
      handle: ([address, slot, selector]) => chain.storage(address, slot, requireBlock(chain, selector)),
    }),
    eth_getStorageValues: define({
      summary: 'Words of storage of several accounts, in the order of their slots.',
      params: [param('slots', slotsByAddress(slots, limits.proofSlotsMax)), BLOCK],
      result: mapOf(listOf(HASH_RESULT)),
      errors,
      handle: ([wanted, selector]) => {
        const view = requireBlock(chain, selector);
        return Object.fromEntries(
          [...wanted].map(([address, keys]) => [address, keys.map((key) => chain.storage(address, key, view))]),
        );
      },
    }),
    eth_getProof: define({
      summary: 'Merkle proof of an account and some of its storage (EIP-1186).',
      params: [ACCOUNT, param('slots', slots), BLOCK],
      result: PROOF_RESULT,
      errors,
      handle: ([address, keys, selector]) =>
        formatProof(address, keys, chain.proof(address, keys, requireBlock(chain, selector))),
    }),
  };
}

function slotsByAddress(slots: ParamType<Hash[]>, countMax: number): ParamType<ReadonlyMap<Address, Hash[]>> {
  return mapped(
    dictionary(ADDRESS, slots, 'slots', countMax),
    (wanted, index) => {
      const count = [...wanted.values()].reduce((sum, keys) => sum + keys.length, 0);
      if (count > countMax) throw invalidParams(index, `more than ${countMax} storage keys`);
      return wanted;
    },
    { description: `At most ${countMax} slots in all.` },
  );
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
