/** eth_getLogs and the polled filters. */
import { INVALID_INPUT, RESOURCE_NOT_FOUND } from '../errors.ts';
import { logQuery, type LogQuery } from '../log-filter.ts';
import { searchLogs } from '../log-search.ts';
import { define, param, type MethodTable } from '../method.ts';
import { FLAG, TEXT } from '../params.ts';
import { RawJson, type Caller, type MethodResult } from '../router.ts';
import { optional } from '../schema/param-type.ts';
import {
  FLAG_RESULT,
  HASH_RESULT,
  listOf,
  LOG_RESULT,
  QUANTITY_RESULT,
  TRANSACTION_RESULT,
} from '../schema/results.ts';
import type { MethodContext } from './context.ts';

const FILTER_ID = param('filterId', TEXT);
const LOGS_RESULT = listOf(LOG_RESULT);
const CHANGES_RESULT = { anyOf: [listOf(HASH_RESULT), LOGS_RESULT, listOf(TRANSACTION_RESULT)] };

export function ethLogsMethods({ node, limits, rendered, filters, longCalls }: MethodContext): MethodTable {
  const search = (query: LogQuery, { client }: Caller): Promise<MethodResult> =>
    longCalls.run(client.id, (slice) => searchLogs({ chain: node.chain, limits, rendered, slice }, query));
  const filter = param('filter', logQuery(limits));

  return {
    eth_getLogs: define({
      summary: 'Logs in a range of blocks, or in one block by its hash.',
      params: [filter],
      result: LOGS_RESULT,
      errors: [RESOURCE_NOT_FOUND],
      handle: ([query], caller) => search(query, caller),
    }),
    eth_newFilter: define({
      summary: 'Keeps new logs for eth_getFilterChanges.',
      params: [filter],
      result: QUANTITY_RESULT,
      handle: ([query], { client }) => filters.add(client.id, { kind: 'logs', criteria: query.criteria }, query),
    }),
    eth_newBlockFilter: define({
      summary: 'Keeps the hashes of new blocks for eth_getFilterChanges.',
      params: [],
      result: QUANTITY_RESULT,
      handle: (_, { client }) => filters.add(client.id, { kind: 'blockHashes' }),
    }),
    eth_newPendingTransactionFilter: define({
      summary: 'Keeps transactions that enter the pool, or their hashes, for eth_getFilterChanges.',
      params: [param('full', optional(FLAG, false))],
      result: QUANTITY_RESULT,
      handle: ([full], { client }) => filters.add(client.id, { kind: full ? 'transactions' : 'transactionHashes' }),
    }),
    eth_getFilterChanges: define({
      summary: 'What a filter has kept since the last call.',
      params: [FILTER_ID],
      result: CHANGES_RESULT,
      errors: [INVALID_INPUT],
      handle: ([id]) => new RawJson(filters.changes(id)),
    }),
    eth_getFilterLogs: define({
      summary: "All logs of a filter's range.",
      params: [FILTER_ID],
      result: LOGS_RESULT,
      errors: [INVALID_INPUT],
      handle: ([id], caller) => search(filters.query(id), caller),
    }),
    eth_uninstallFilter: define({
      summary: 'Ends a filter; false: there was none.',
      params: [FILTER_ID],
      result: FLAG_RESULT,
      handle: ([id]) => filters.remove(id),
    }),
  };
}
