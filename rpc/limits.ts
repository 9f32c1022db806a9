/** Every bound of the RPC by name. The defaults are documented in docs/RPC.md; each is at least as careful as geth's. */
export type RpcLimits = {
  /** A request body, and a WebSocket message. Over it: HTTP 413, or close code 1009. */
  readonly bodySizeBytesMax: number;
  readonly batchItemsMax: number;
  /** All answers of one batch together, and any single answer. */
  readonly answerSizeBytesMax: number;
  /** Calls of one batch that may wait for the node at once. */
  readonly batchConcurrencyMax: number;
  readonly connectionsMax: number;
  readonly connectionsPerAddressMax: number;
  /** Unanswered requests of one connection. HTTP answers 429; a WebSocket is not read until some are answered. */
  readonly inFlightPerConnectionMax: number;
  readonly headersTimeoutMs: number;
  /** From a request's first byte to its last. */
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  /** How long a client may take to read an answer, and a connection may be still while one is made. */
  readonly answerTimeoutMs: number;
  /** How long a refused upload is read and thrown away, so that its sender sees the refusal. */
  readonly lingerMs: number;
  readonly webSocketsMax: number;
  readonly webSocketsPerAddressMax: number;
  readonly webSocketPingIntervalMs: number;
  /** What may wait unread for one WebSocket client; then it is dropped. */
  readonly webSocketBacklogBytesMax: number;
  readonly subscriptionsPerConnectionMax: number;
  readonly subscriptionsMax: number;
  readonly filtersMax: number;
  readonly filterEntriesMax: number;
  /** A filter nobody polls for this long is forgotten. */
  readonly filterIdleMs: number;
  readonly logsBlockRangeMax: number;
  readonly logsResultsMax: number;
  /** Addresses of a filter, and alternatives at one topic position. */
  readonly logsCriteriaMax: number;
  readonly logsDurationMsMax: number;
  /** Searches at a time; others wait their turn. */
  readonly logsConcurrencyMax: number;
  readonly feeHistoryBlocksMax: number;
  readonly feeHistoryPercentilesMax: number;
  readonly proofSlotsMax: number;
  /** In-flight requests get this long when the server stops. */
  readonly stopGraceMs: number;
};

const MIB = 1024 * 1024;

export const DEFAULT_RPC_LIMITS: RpcLimits = {
  bodySizeBytesMax: 5 * MIB,
  batchItemsMax: 1000,
  answerSizeBytesMax: 25 * MIB,
  batchConcurrencyMax: 64,
  connectionsMax: 4096,
  connectionsPerAddressMax: 1024,
  inFlightPerConnectionMax: 128,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 120_000,
  answerTimeoutMs: 30_000,
  lingerMs: 2000,
  webSocketsMax: 512,
  webSocketsPerAddressMax: 256,
  webSocketPingIntervalMs: 30_000,
  webSocketBacklogBytesMax: 16 * MIB,
  subscriptionsPerConnectionMax: 128,
  subscriptionsMax: 8192,
  filtersMax: 1024,
  filterEntriesMax: 10_000,
  filterIdleMs: 300_000,
  logsBlockRangeMax: 10_000,
  logsResultsMax: 10_000,
  logsCriteriaMax: 1000,
  logsDurationMsMax: 10_000,
  logsConcurrencyMax: 4,
  feeHistoryBlocksMax: 1024,
  feeHistoryPercentilesMax: 100,
  proofSlotsMax: 1024,
  stopGraceMs: 1000,
};
