import type { Address, JsonObject, Millis } from '../../src/types/primitives.ts';
import type { BlockRef } from '../../src/types/block.ts';
import type { EngineTraits } from './engine.ts';
import type { TimerId } from './event.ts';

export type ValidatorStatus = {
  readonly address: Address;
  readonly power: bigint;
  readonly state: 'active' | 'jailed' | 'silent';
  /** Height of the last block or vote seen of it. */
  readonly lastSeen: number | null;
};

/** For people and the dashboard: answers "why are we waiting?". */
export type EngineStatus = {
  readonly engine: string;
  readonly finality: EngineTraits['finality'];
  readonly head: BlockRef;
  readonly safe: BlockRef;
  readonly finalized: BlockRef;
  readonly clock: {
    readonly unit: 'slot' | 'view' | 'height' | 'none';
    readonly value: number;
    readonly epoch?: number;
  };
  readonly role: 'follower' | 'validator' | 'proposer';
  readonly proposer: { readonly now: Address | null; readonly next: Address | null };
  readonly validators: readonly ValidatorStatus[];
  /** What the next decision waits for: power had and needed, and whose votes are missing. */
  readonly quorum: {
    readonly phase: string;
    readonly have: bigint;
    readonly need: bigint;
    readonly missing: readonly Address[];
  } | null;
  readonly timers: readonly { readonly id: TimerId; readonly at: Millis }[];
  readonly counters: { readonly [name: string]: number };
  readonly details: JsonObject;
};
