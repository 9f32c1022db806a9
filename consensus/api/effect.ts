import type { Bytes, Hash, JsonObject, Millis, PeerId } from '../../src/types/primitives.ts';
import type { UnsealedHeader } from '../../src/types/block.ts';
import type { Evidence } from '../../src/types/evidence.ts';
import type { SignedMessage } from '../../src/types/message.ts';
import type { JobId, TimerId } from './event.ts';

/**
 * What the signer must remember so that this key never says two different things in one place.
 * `once`: (height, round, step) strictly increases per domain. `bft`: the same in the domain of round-based votes, and at
 * one height `lock`, the round that the statement rests on (null: it says nothing of one, -1: of none), never goes back, so
 * that a validator that has committed can not later claim to have prepared nothing. `ffg`: no two votes for one target, no
 * surround.
 */
export type Guard =
  | {
      readonly kind: 'once';
      readonly domain: string;
      readonly height: number;
      readonly round: number;
      readonly step: number;
    }
  | {
      readonly kind: 'bft';
      readonly height: number;
      readonly round: number;
      readonly step: number;
      readonly lock: number | null;
    }
  | { readonly kind: 'ffg'; readonly source: number; readonly target: number };

/**
 * Carried out by the host in the order given. Every `persist` of a step is on disk before any `cast`, `send`,
 * `publish` or `forkchoice` of that step acts.
 */
export type EngineEffect =
  /** Durable memory of this validator's own votes; null deletes. Handed back as `saved` on the next start. */
  | { readonly type: 'persist'; readonly key: string; readonly value: Bytes | null }
  /** Guard, sign, loop back as `message` with peer null, gossip. */
  | { readonly type: 'cast'; readonly payload: Bytes; readonly guard: Guard }
  /** Repeats a message already cast, to all. */
  | { readonly type: 'recast'; readonly message: SignedMessage }
  | {
      readonly type: 'build';
      readonly job: JobId;
      readonly parent: Hash;
      /** The block's time: the host waits for it before answering, and fills the block until `deadline`. */
      readonly timeMs: Millis;
      readonly extra: Bytes;
      readonly votes: readonly SignedMessage[];
      readonly deadline: Millis;
    }
  /**
   * Looks, off this thread, for a 4-byte little-endian nonce at the end of `data` (80 bytes) with which SHA-256d of it, read
   * as a little-endian number, is at most `target`. Answered by `worked`, or by `failed` with WORK_EXHAUSTED when there is
   * none, or WORK_LOST when the search broke off. The search of a job that is asked again is replaced.
   */
  | { readonly type: 'work'; readonly job: JobId; readonly data: Bytes; readonly target: bigint }
  /** Ends whatever is under way for the job: a build, a search, a block that was not published. */
  | { readonly type: 'drop'; readonly job: JobId }
  | {
      readonly type: 'publish';
      readonly job: JobId;
      readonly header: UnsealedHeader;
      readonly seal:
        | { readonly by: 'signature'; readonly guard: Guard }
        | { readonly by: 'value'; readonly value: Bytes };
    }
  | {
      readonly type: 'forkchoice';
      readonly head: Hash;
      readonly safe: Hash;
      readonly finalized: Hash;
      /** Proof of finality of `finalized`, stored and served beside it. */
      readonly justification?: Bytes;
      /** Opaque value stored with the finalized pointer, handed back in `start`. */
      readonly anchor?: Bytes;
    }
  | { readonly type: 'timer'; readonly id: TimerId; readonly at: Millis }
  | { readonly type: 'drop-timer'; readonly id: TimerId }
  | { readonly type: 'evidence'; readonly evidence: Evidence }
  /** A block that validators speak of and that did not arrive: the host asks peers for it, `peer` first. */
  | { readonly type: 'fetch'; readonly hash: Hash; readonly peer: PeerId | null }
  /** Peers speak of heights we lack. */
  | { readonly type: 'behind'; readonly height: number }
  | { readonly type: 'blame'; readonly peer: PeerId; readonly code: string }
  | { readonly type: 'note'; readonly level: 'info' | 'warn'; readonly message: string; readonly fields: JsonObject }
  /** The engine itself asks to be stopped. */
  | { readonly type: 'fault'; readonly reason: string };

export type SealBy = Extract<EngineEffect, { type: 'publish' }>['seal'];
