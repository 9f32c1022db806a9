import type { Millis } from '../types/primitives.ts';

export type MempoolLimits = {
  /** Of one sender, heard by gossip. */
  readonly senderSlotsMax: number;
  /** Of one sender, when its own node submits: one busy account may fill several blocks. */
  readonly senderSlotsLocalMax: number;
  /** Transactions in all. Only protected ones that a reorg brings back may go over it. */
  readonly totalMax: number;
  /** Canonical bytes in all. */
  readonly bytesMax: number;
  /** Transactions that can not run yet, in all: they earn nothing, so they may not crowd out those that can. */
  readonly queuedMax: number;
  /** How far a nonce may lie beyond the next free one of its sender. */
  readonly nonceGapMax: number;
  /** A replacement pays at least so much more, in both fee fields. */
  readonly priceBumpPercent: number;
  /** A transaction heard by gossip that can not run is forgotten after this time. Protected ones stay. */
  readonly lifetimeMs: Millis;
  /** Protected transactions kept although their sender can not pay for them now. */
  readonly strandedMax: number;
  /** Transactions in the journal: those in the pool and those mined but not final. */
  readonly journalMax: number;
};

/**
 * Enough for 5,000 transfers of 64 senders at once and for one sender with thousands in flight; memory is bounded by
 * bytesMax plus about 1.5 KB for each of totalMax.
 */
export const MEMPOOL_LIMITS: MempoolLimits = {
  senderSlotsMax: 2_048,
  senderSlotsLocalMax: 8_192,
  totalMax: 20_000,
  bytesMax: 64 * 1024 * 1024,
  queuedMax: 5_000,
  nonceGapMax: 1_024,
  priceBumpPercent: 10,
  lifetimeMs: 3 * 60 * 60 * 1000,
  strandedMax: 4_096,
  journalMax: 262_144,
};

/** Between two searches for transactions that outlived lifetimeMs. */
export const EXPIRY_SWEEP_INTERVAL_MS = 60_000;
/** Head changes during one submission before it is told to come again. */
export const ACCOUNT_READS_MAX = 8;

export type MempoolOptions = Partial<MempoolLimits> & {
  readonly chainId: number;
  readonly blockGasLimit: number;
};
