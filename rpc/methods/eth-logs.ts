/** eth_getLogs and the polled filters. */
import type { JsonValue } from '../../src/types/primitives.ts';
import { optionalBoolean, stringParam, type Params } from '../params.ts';
import { logQuery, type LogQuery } from '../log-filter.ts';
import { searchLogs } from '../log-search.ts';
import { Turnstile } from '../turnstile.ts';
import { method, RawJson, type MethodTable } from '../router.ts';
import type { MethodContext } from './context.ts';

export function ethLogsMethods({ node, limits, filters }: MethodContext): MethodTable {
  const turnstile = new Turnstile(limits.logsConcurrencyMax);
  const search = (query: LogQuery): Promise<JsonValue> => turnstile.run(() => searchLogs(node.chain, query, limits));
  const newFilter = (params: Params): JsonValue => {
    const query = logQuery(params[0], 0, limits);
    return filters.add({ kind: 'logs', criteria: query.criteria }, query);
  };
  const newPendingFilter = (params: Params): JsonValue => {
    const full = optionalBoolean(params[0], 0, false);
    return filters.add({ kind: full ? 'transactions' : 'transactionHashes' });
  };

  return {
    eth_getLogs: method(1, 1, (params) => search(logQuery(params[0], 0, limits))),
    eth_newFilter: method(1, 1, newFilter),
    eth_newBlockFilter: method(0, 0, () => filters.add({ kind: 'blockHashes' })),
    eth_newPendingTransactionFilter: method(0, 1, newPendingFilter),
    eth_getFilterChanges: method(1, 1, (params) => new RawJson(filters.changes(stringParam(params[0], 0, 'filter')))),
    eth_getFilterLogs: method(1, 1, (params) => search(filters.query(stringParam(params[0], 0, 'filter')))),
    eth_uninstallFilter: method(1, 1, (params) => filters.remove(stringParam(params[0], 0, 'filter'))),
  };
}
