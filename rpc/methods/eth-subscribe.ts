/** eth_subscribe and eth_unsubscribe; over a WebSocket only. */
import { ParleyError } from '../../src/util/errors.ts';
import { INVALID_INPUT, invalidParams, METHOD_NOT_FOUND } from '../errors.ts';
import type { FeedRequest } from '../feed.ts';
import { EVERY_LOG, logCriteria, type LogCriteria } from '../log-filter.ts';
import { define, param, type MethodTable } from '../method.ts';
import { FLAG, TEXT } from '../params.ts';
import type { Caller, NotificationClient } from '../router.ts';
import { byKind, mapped, optional, type ParamType } from '../schema/param-type.ts';
import { FLAG_RESULT, QUANTITY_RESULT } from '../schema/results.ts';
import type { MethodContext } from './context.ts';

const KINDS = ['newHeads', 'logs', 'newPendingTransactions', 'syncing'] as const;
type Kind = (typeof KINDS)[number];

const KIND: ParamType<Kind> = {
  schema: { type: 'string', enum: KINDS },
  decode(value, index) {
    const kind = KINDS.find((name) => name === value);
    if (kind !== undefined) return kind;
    throw invalidParams(index, `unknown subscription: use ${KINDS.join(', ')}`);
  },
};

type Options = { readonly full: boolean } | { readonly criteria: LogCriteria };

export function ethSubscribeMethods({ limits, subscriptions }: MethodContext): MethodTable {
  const options: ParamType<Options> = mapped(
    byKind<Options>(
      [(value) => typeof value !== 'boolean', mapped(logCriteria(limits), (criteria) => ({ criteria }))],
      [(value) => typeof value === 'boolean', mapped(FLAG, (full) => ({ full }))],
    ),
    (found) => found,
    { description: 'logs: a filter; newPendingTransactions: whether in full; the others have none.' },
  );
  return {
    eth_subscribe: define({
      summary: 'Sends what happens from now on as notifications eth_subscription. WebSocket only.',
      params: [param('kind', KIND), param('options', optional(options, null))],
      result: QUANTITY_RESULT,
      errors: [METHOD_NOT_FOUND],
      handle: ([kind, chosen], caller) => {
        const client = clientOf(caller);
        const request = feedRequest(kind, chosen);
        caller.hold();
        return subscriptions.add(client, request);
      },
    }),
    eth_unsubscribe: define({
      summary: 'Ends a subscription of this connection.',
      params: [param('subscription', TEXT)],
      result: FLAG_RESULT,
      errors: [METHOD_NOT_FOUND, INVALID_INPUT],
      handle: ([id], caller) => {
        if (subscriptions.remove(clientOf(caller), id)) return true;
        throw new ParleyError('RPC_INVALID_INPUT', 'subscription not found: this connection has none of that id');
      },
    }),
  };
}

function clientOf(caller: Caller): NotificationClient {
  if (caller.notifications !== null) return caller.notifications;
  throw new ParleyError('RPC_SUBSCRIPTIONS_UNSUPPORTED', 'notifications not supported over HTTP: use a WebSocket');
}

/** What belongs to another kind is passed over, as everywhere. */
function feedRequest(kind: Kind, options: Options | null): FeedRequest {
  switch (kind) {
    case 'newHeads':
      return { kind: 'headers' };
    case 'syncing':
      return { kind: 'syncing' };
    case 'newPendingTransactions':
      return { kind: options !== null && 'full' in options && options.full ? 'transactions' : 'transactionHashes' };
    case 'logs':
      if (options !== null && 'full' in options) throw invalidParams(1, '`filter` must be an object');
      return { kind: 'logs', criteria: options?.criteria ?? EVERY_LOG };
  }
}
