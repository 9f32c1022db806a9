import type { Address, Bytes, Hash, Millis, PeerId } from '../../src/types/primitives.ts';
import type { Header, UnsealedHeader } from '../../src/types/block.ts';
import type { SignedMessage } from '../../src/types/message.ts';
import type { ConsensusState } from '../../src/types/validator.ts';

/** Chosen by the engine; unique among its open jobs. */
export type JobId = number;
/** Chosen by the engine; setting a timer again moves it. */
export type TimerId = string;
/** replay: stored blocks at start; sync: fetched history; gossip: fresh; own: built here. */
export type Origin = 'replay' | 'sync' | 'gossip' | 'own';

/** `now` is stamped by the host on every event: an engine reads no clock. */
export type EngineEvent = { readonly now: Millis } & (
  | {
      readonly type: 'start';
      readonly finalized: Header;
      readonly finalizedHash: Hash;
      readonly state: ConsensusState;
      readonly anchor: Bytes | null;
    }
  /** Executed and in the tree; its parent was delivered before. `author` is what `engine.author` said. */
  | {
      readonly type: 'imported';
      readonly hash: Hash;
      readonly header: Header;
      readonly author: Address;
      /** The block's votes, envelopes verified. Finality is counted from these. */
      readonly votes: readonly SignedMessage[];
      /** After the block. */
      readonly state: ConsensusState;
      readonly origin: Origin;
      readonly justification: Bytes | null;
    }
  /** A proof for a block already imported. `peer` brought it. */
  | {
      readonly type: 'justified';
      readonly hash: Hash;
      readonly justification: Bytes;
      readonly peer: PeerId | null;
    }
  /** Replay is over: the engine may speak. */
  | { readonly type: 'ready' }
  /** Body or execution failed for a header that `checkHeader` had accepted. */
  | {
      readonly type: 'invalid';
      readonly hash: Hash;
      readonly header: Header;
      readonly author: Address;
      readonly code: string;
      /** As it came; `checkHeader` saw it. */
      readonly justification: Bytes | null;
    }
  | { readonly type: 'built'; readonly job: JobId; readonly header: UnsealedHeader }
  /** `value`: the nonce, 4 bytes. */
  | { readonly type: 'worked'; readonly job: JobId; readonly value: Bytes }
  | { readonly type: 'failed'; readonly job: JobId; readonly code: string }
  /** Envelope verified. `peer` is null for own messages, which come back this way. */
  | { readonly type: 'message'; readonly message: SignedMessage; readonly peer: PeerId | null }
  | { readonly type: 'timer'; readonly id: TimerId }
  /** Executable transactions wait; told when the pool goes from empty to not, and again after each change of head while so. */
  | { readonly type: 'demand'; readonly pendingTxs: number }
  | { readonly type: 'syncing'; readonly behindBlocks: number }
  /** The operator wants (true), does not want (false), or no longer minds (null) this authority. */
  | { readonly type: 'propose'; readonly subject: Address; readonly authorize: boolean | null }
  | { readonly type: 'stop' }
);
