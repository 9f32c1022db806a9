import type { Millis } from '../../src/types/primitives.ts';

/** `reject` only for what can never become valid (the sender is blamed); `later` for what may. */
export type Verdict =
  | { readonly kind: 'accept' }
  | { readonly kind: 'reject'; readonly code: string }
  | { readonly kind: 'later'; readonly code: string; readonly retryAt?: Millis };

export const ACCEPT: Verdict = { kind: 'accept' };
export const reject = (code: string): Verdict => ({ kind: 'reject', code });
export const later = (code: string, retryAt?: Millis): Verdict =>
  retryAt === undefined ? { kind: 'later', code } : { kind: 'later', code, retryAt };
