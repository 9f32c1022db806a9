import type { Millis } from '../../src/types/primitives.ts';

/**
 * `reject` only for what can never become valid (the sender is blamed); `later` for what may: it is not passed on, but a block is tried
 * again and a message is given to the engine. `ignore`: nobody's fault and of no use here; neither passed on nor taken in.
 */
export type Verdict =
  | { readonly kind: 'accept' }
  | { readonly kind: 'reject'; readonly code: string }
  | { readonly kind: 'ignore'; readonly code: string }
  | { readonly kind: 'later'; readonly code: string; readonly retryAt?: Millis };

export const ACCEPT: Verdict = { kind: 'accept' };
export const reject = (code: string): Verdict => ({ kind: 'reject', code });
export const ignore = (code: string): Verdict => ({ kind: 'ignore', code });
export const later = (code: string, retryAt?: Millis): Verdict =>
  retryAt === undefined ? { kind: 'later', code } : { kind: 'later', code, retryAt };
