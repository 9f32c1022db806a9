/** eth_subscribe and eth_unsubscribe; over a WebSocket only. */
import type { JsonValue } from '../../src/types/primitives.ts';
import { ParleyError } from '../../src/util/errors.ts';
import { invalidParams } from '../errors.ts';
import type { FeedRequest } from '../feed.ts';
import type { RpcLimits } from '../limits.ts';
import { logCriteria } from '../log-filter.ts';
import { absent, objectParam, optionalBoolean, stringParam, type Params } from '../params.ts';
import { method, type Caller, type MethodTable, type NotificationClient } from '../router.ts';
import type { MethodContext } from './context.ts';

export function ethSubscribeMethods({ limits, subscriptions }: MethodContext): MethodTable {
  const subscribe = (params: Params, caller: Caller): JsonValue => {
    const client = clientOf(caller);
    const request = feedRequest(params, limits);
    caller.hold();
    return subscriptions.add(client, request);
  };
  const unsubscribe = (params: Params, caller: Caller): JsonValue => {
    const id = stringParam(params[0], 0, 'subscription');
    if (subscriptions.remove(clientOf(caller), id)) return true;
    throw new ParleyError('RPC_INVALID_INPUT', 'subscription not found: this connection has none of that id');
  };
  return { eth_subscribe: method(1, 2, subscribe), eth_unsubscribe: method(1, 1, unsubscribe) };
}

function clientOf(caller: Caller): NotificationClient {
  if (caller.client !== null) return caller.client;
  throw new ParleyError('RPC_SUBSCRIPTIONS_UNSUPPORTED', 'notifications not supported over HTTP: use a WebSocket');
}

function feedRequest(params: Params, limits: RpcLimits): FeedRequest {
  const kind = stringParam(params[0], 0, 'kind');
  switch (kind) {
    case 'newHeads':
      return { kind: 'headers' };
    case 'newPendingTransactions':
      return { kind: optionalBoolean(params[1], 1, false) ? 'transactions' : 'transactionHashes' };
    case 'logs':
      return { kind: 'logs', criteria: logCriteria(absent(params[1]) ? {} : objectParam(params[1], 1), 1, limits) };
    default:
      throw invalidParams(0, 'unknown subscription: use newHeads, logs or newPendingTransactions');
  }
}
