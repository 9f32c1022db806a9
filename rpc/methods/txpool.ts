/** txpool_: what waits in this node's pool, by sender and nonce, in geth's shapes. */
import type { PoolListing } from '../../src/node/api.ts';
import type { JsonObject, JsonValue } from '../../src/types/primitives.ts';
import type { Transaction } from '../../src/types/transaction.ts';
import { ParleyError } from '../../src/util/errors.ts';
import { formatPooled, quantity } from '../format.ts';
import { addressParam, type Params } from '../params.ts';
import { method, type MethodTable } from '../router.ts';
import type { MethodContext } from './context.ts';

/** JSON of one listed transaction without its data, generously. */
const ENTRY_SIZE_BYTES = 900;

export function txpoolMethods({ node, limits }: MethodContext): MethodTable {
  const { pool } = node;

  const content = (): JsonValue => {
    const { pending, queued } = pool.content();
    checkSize(pending, queued, limits.answerSizeBytesMax);
    return { pending: listing(pending, formatPooled), queued: listing(queued, formatPooled) };
  };
  const inspect = (): JsonValue => {
    const { pending, queued } = pool.content();
    return { pending: listing(pending, summary), queued: listing(queued, summary) };
  };
  const contentFrom = (params: Params): JsonValue => {
    const address = addressParam(params[0], 0);
    const { pending, queued } = pool.content();
    return {
      pending: byNonce(pending.get(address) ?? [], formatPooled),
      queued: byNonce(queued.get(address) ?? [], formatPooled),
    };
  };
  const status = (): JsonValue => {
    const { pending, queued } = pool.status();
    return { pending: quantity(pending), queued: quantity(queued) };
  };

  return {
    txpool_status: method(0, 0, status),
    txpool_content: method(0, 0, content),
    txpool_inspect: method(0, 0, inspect),
    txpool_contentFrom: method(1, 1, contentFrom),
  };
}

function listing(senders: PoolListing, show: (transaction: Transaction) => JsonValue): JsonObject {
  return Object.fromEntries([...senders].map(([sender, transactions]) => [sender, byNonce(transactions, show)]));
}

function byNonce(transactions: readonly Transaction[], show: (transaction: Transaction) => JsonValue): JsonObject {
  return Object.fromEntries(transactions.map((transaction) => [String(transaction.nonce), show(transaction)]));
}

function summary(transaction: Transaction): string {
  const to = transaction.to ?? 'contract creation';
  return `${to}: ${transaction.value} wei + ${transaction.gasLimit} gas × ${transaction.maxFeePerGas} wei`;
}

/** Refuses before the answer is made. */
function checkSize(pending: PoolListing, queued: PoolListing, sizeBytesMax: number): void {
  let sizeBytes = 0;
  for (const transactions of [...pending.values(), ...queued.values()]) {
    for (const transaction of transactions) sizeBytes += ENTRY_SIZE_BYTES + 2 * transaction.data.length;
  }
  if (sizeBytes <= sizeBytesMax) return;
  throw new ParleyError(
    'RPC_ANSWER_TOO_LARGE',
    'the pool is too large to list: use txpool_contentFrom or txpool_inspect',
  );
}
