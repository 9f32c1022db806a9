import type { Address, Bytes } from './primitives.ts';

/**
 * Two statements, signed by one validator, of which honest software makes at most one. `first` and `second` are
 * encoded as `kind` says: `headers` (RLP headers with seals) or `messages` (encoded SignedMessages). Execution
 * asks the engine to judge it; nothing here is believed before that.
 */
export type Evidence = {
  readonly kind: 'headers' | 'messages';
  readonly offender: Address;
  readonly first: Bytes;
  readonly second: Bytes;
};

/** The engine's verdict on evidence: what was done, and in which height, so that it is punished once. */
export type Offence = {
  readonly offender: Address;
  readonly code: string;
  readonly height: number;
  /** Under stake: when it was done, for evidence expires. */
  readonly epoch?: number;
};

/** What an engine has found evidence to prove. */
export type ProvenOffence = { readonly evidence: Evidence; readonly offence: Offence };

export const EVIDENCE_SIZE_BYTES_MAX = 16 * 1024;
