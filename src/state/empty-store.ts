import type { StateStore } from '../ports/state.ts';
import { ZERO_HASH } from '../types/primitives.ts';

/** A store without anything: what genesis is built on. */
export const EMPTY_STATE_STORE: StateStore = {
  account: () => undefined,
  storage: () => ZERO_HASH,
  code: () => undefined,
  node: () => undefined,
  ops: () => [],
  applied: () => {},
};
