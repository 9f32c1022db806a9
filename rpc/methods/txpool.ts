/** txpool_: what waits in this node's pool, by sender and nonce, in geth's shapes. */
import type { PoolListing } from '../../src/node/api.ts';
import type { Address, JsonObject, JsonValue } from '../../src/types/primitives.ts';
import type { Transaction } from '../../src/types/transaction.ts';
import { ParleyError } from '../../src/util/errors.ts';
import { formatPooled, quantity } from '../format.ts';
import { define, param, type MethodTable } from '../method.ts';
import { ADDRESS } from '../params.ts';
import { RawJson, type Caller } from '../router.ts';
import type { JsonSchema } from '../schema/param-type.ts';
import { mapOf, QUANTITY_RESULT, shape, TEXT_RESULT, TRANSACTION_RESULT } from '../schema/results.ts';
import type { Slice } from '../turns.ts';
import type { MethodContext } from './context.ts';

type Show = (transaction: Transaction) => JsonValue;

/** The same for those that may be mined next and for those that wait for others. */
const both = (part: JsonSchema): JsonSchema => shape({ pending: part, queued: part });

export function txpoolMethods({ node, limits, longCalls }: MethodContext): MethodTable {
  const { pool } = node;

  const list = ({ client }: Caller, show: Show): Promise<RawJson> =>
    longCalls.run(client.id, async (slice) => {
      const { pending, queued } = pool.content();
      const text = new Listing(show, limits.answerSizeBytesMax, slice);
      return new RawJson(`{"pending":${await text.of(pending)},"queued":${await text.of(queued)}}`);
    });
  const contentFrom = (address: Address): JsonValue => {
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
    txpool_status: define({
      summary: 'How many transactions wait.',
      params: [],
      result: both(QUANTITY_RESULT),
      handle: status,
    }),
    txpool_content: define({
      summary: 'All that wait, by sender and nonce.',
      params: [],
      result: both(mapOf(mapOf(TRANSACTION_RESULT))),
      handle: (_, caller) => list(caller, formatPooled),
    }),
    txpool_inspect: define({
      summary: 'The same, a line each.',
      params: [],
      result: both(mapOf(mapOf(TEXT_RESULT))),
      handle: (_, caller) => list(caller, summary),
    }),
    txpool_contentFrom: define({
      summary: 'Those of one sender, by nonce.',
      params: [param('address', ADDRESS)],
      result: both(mapOf(TRANSACTION_RESULT)),
      handle: ([address]) => contentFrom(address),
    }),
  };
}

/** JSON text of listings, transaction by transaction. */
class Listing {
  readonly #show: Show;
  readonly #slice: Slice;
  #leftBytes: number;

  constructor(show: Show, sizeBytesMax: number, slice: Slice) {
    this.#show = show;
    this.#slice = slice;
    this.#leftBytes = sizeBytesMax;
  }

  /** @throws -32005 when the listings are too large together. */
  async of(senders: PoolListing): Promise<string> {
    const entries: string[] = [];
    for (const [sender, transactions] of senders) {
      const own: string[] = [];
      for (const transaction of transactions) {
        const entry = `"${transaction.nonce}":${JSON.stringify(this.#show(transaction))}`;
        this.#leftBytes -= entry.length;
        if (this.#leftBytes < 0) throw tooLarge();
        own.push(entry);
        if (this.#slice.isOver) await this.#slice.next();
      }
      entries.push(`"${sender}":{${own.join(',')}}`);
    }
    return `{${entries.join(',')}}`;
  }
}

function byNonce(transactions: readonly Transaction[], show: Show): JsonObject {
  return Object.fromEntries(transactions.map((transaction) => [String(transaction.nonce), show(transaction)]));
}

function summary(transaction: Transaction): string {
  const to = transaction.to ?? 'contract creation';
  return `${to}: ${transaction.value} wei + ${transaction.gasLimit} gas × ${transaction.maxFeePerGas} wei`;
}

function tooLarge(): ParleyError {
  return new ParleyError('RPC_ANSWER_TOO_LARGE', 'the pool is too large to list: use txpool_contentFrom');
}
