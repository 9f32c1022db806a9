/**
 * Every bound of the RPC: its default, what it may be set to and what it means. The type, the configuration's `[rpc.limits]`
 * (keys in kebab-case) and its help are made from this one table; docs/RPC.md lists it. Units come last in the names.
 */
type Limit = { readonly value: number; readonly min: number; readonly max: number; readonly help: string };

const KIB = 1024;
const MIB = 1024 * KIB;
const COUNT_MAX = 1_000_000;
/** Node's timers hold no more. */
const TIMER_MS_MAX = 2 ** 31 - 1;

function count(value: number, help: string): Limit {
  return { value, min: 1, max: COUNT_MAX, help };
}

function bytes(value: number, help: string): Limit {
  return { value, min: KIB, max: 1024 * MIB, help };
}

function millis(value: number, help: string): Limit {
  return { value, min: 1, max: TIMER_MS_MAX, help };
}

export const RPC_LIMITS = {
  headersSizeBytesMax: { ...bytes(16 * KIB, 'Headers of a request. Over it: HTTP 431'), max: MIB },
  // JSON.parse holds the process: 5 MiB of it take a tenth of a second, and text cannot be longer than 512 MiB at all.
  bodySizeBytesMax: {
    ...bytes(5 * MIB, 'A request body, a WebSocket message. Over it: HTTP 413, close code 1009'),
    max: 256 * MIB,
  },
  bodiesSizeBytesMax: bytes(256 * MIB, 'Messages being received or worked on, all together. Over it: HTTP 503'),
  bodiesPerClientSizeBytesMax: bytes(64 * MIB, 'The same for one client. Over it: HTTP 429'),
  jsonDepthMax: count(512, 'Nesting of a message. Over it: -32700'),
  jsonValuesMax: { ...count(100_000, 'Values and keys of a message. Over it: -32700'), max: 10 * COUNT_MAX },
  batchItemsMax: count(1000, 'Calls of a batch. Over it: -32600'),
  batchConcurrencyMax: count(64, 'Calls of one batch that may wait for the node at once'),
  answerSizeBytesMax: {
    ...bytes(25 * MIB, 'Any answer, and all answers of one batch together. Over it: -32005'),
    max: 256 * MIB,
  },
  callTimeoutMs: millis(25_000, 'A call, and a whole batch. Over it: -32002, and the late result is thrown away'),
  inFlightMax: count(4096, 'Calls being worked on. Over it: -32005 "server busy", HTTP 503'),
  inFlightPerClientMax: count(1024, 'The same for one client, over all its connections. Over it: -32005, HTTP 429'),
  inFlightPerConnectionMax: count(
    128,
    'Unanswered requests of one connection. Over it: HTTP 429; a WebSocket is not read',
  ),
  eventLoopLagMsMax: millis(500, 'While the process answers slower than this for two seconds, heavy calls get -32005'),
  heavyWeightMin: count(20, 'Weight from which a call is heavy'),
  connectionsMax: count(4096, 'Open connections. Over it: the longest idle one is closed'),
  connectionsPerAddressMax: count(1024, 'The same for one address; trusted proxies are exempt'),
  headersTimeoutMs: millis(10_000, "From a request's first byte to the end of its headers. Over it: HTTP 408"),
  requestTimeoutMs: millis(30_000, 'From the first byte of a request or message to its last. Over it: HTTP 408'),
  keepAliveTimeoutMs: millis(120_000, 'How long a connection may be idle'),
  answerTimeoutMs: millis(30_000, 'How long a client may take to read an answer'),
  lingerMs: millis(2000, 'How long a refused upload is read and thrown away, so that its sender sees the refusal'),
  webSocketsMax: count(512, 'WebSockets. Over it: HTTP 503'),
  webSocketsPerClientMax: count(256, 'The same for one client'),
  webSocketPingIntervalMs: millis(30_000, 'A WebSocket that has not answered a ping by the next one is gone'),
  webSocketBacklogBytesMax: bytes(16 * MIB, 'What may wait unread for one WebSocket client; then it is dropped'),
  subscriptionsPerConnectionMax: count(128, 'Subscriptions of one WebSocket. Over it: -32005'),
  subscriptionsMax: count(8192, 'Subscriptions in all. Over it: -32005'),
  filtersMax: count(1024, 'Polled filters. Over it: -32005'),
  filtersPerClientMax: count(256, 'The same for one client'),
  filterEntriesMax: count(10_000, 'Entries of a filter; an overfull one is forgotten'),
  filtersSizeBytesMax: bytes(64 * MIB, 'Entries of all filters. Over it: the filter with the most is forgotten'),
  filterIdleMs: millis(300_000, 'A filter nobody polls for this long is forgotten'),
  logsBlockRangeMax: count(
    10_000,
    'Blocks of one eth_getLogs or consensus_evidence. Over it: -32005 with a range that fits',
  ),
  logsResultsMax: count(10_000, 'Logs of one answer. Over it: -32005 with a range that fits'),
  logsCriteriaMax: count(1000, 'Addresses of a filter, and alternatives at one topic position. Over it: -32602'),
  logsDurationMsMax: millis(10_000, 'A search of logs. Over it: -32005 with a range that fits'),
  longCallsConcurrencyMax: count(
    4,
    'Searches of logs, fee histories, listings of the pool, simulations and traces at a time',
  ),
  longCallsWaitingMax: count(256, 'Of those that wait; clients take turns. Over it: -32005 "server busy"'),
  longCallsWaitingPerClientMax: count(32, 'The same for one client'),
  feeHistoryBlocksMax: { ...count(1024, 'Blocks of one eth_feeHistory; more are not answered'), max: 1024 },
  feeHistoryPercentilesMax: count(100, 'Percentiles of one eth_feeHistory. Over it: -32602'),
  feeHistoryDurationMsMax: millis(5000, 'One eth_feeHistory. Over it: -32005 with a number of blocks that fits'),
  renderedSizeBytesMax: {
    ...bytes(16 * MIB, 'JSON of blocks, receipts and logs that is kept for the next who asks; 0 keeps none'),
    min: 0,
  },
  proofSlotsMax: count(1024, 'Slots of one eth_getProof or eth_getStorageValues. Over it: -32602'),
  stopGraceMs: millis(1000, 'What is in flight gets this long when the node stops'),
} as const satisfies { readonly [name: string]: Limit };

export type RpcLimitName = keyof typeof RPC_LIMITS;
export type RpcLimits = { readonly [name in RpcLimitName]: number };

export const DEFAULT_RPC_LIMITS = Object.fromEntries(
  Object.entries(RPC_LIMITS).map(([name, { value }]) => [name, value]),
) as RpcLimits;

/** As the configuration spells it: `bodySizeBytesMax` is `body-size-bytes-max`. */
export function limitKey(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
