import type { Header } from '../../src/types/block.ts';
import type { Evidence } from '../../src/types/evidence.ts';
import type { SignedMessage } from '../../src/types/message.ts';
import type { Address, Bytes, Hash } from '../../src/types/primitives.ts';
import type { ConsensusState } from '../../src/types/validator.ts';
import type { GuardRecord } from '../../src/wallet/guard.ts';

export type RigBlock = {
  readonly hash: Hash;
  readonly header: Header;
  readonly votes: readonly SignedMessage[];
  readonly evidence: readonly Evidence[];
  readonly txs: readonly number[];
};

export type KnownBlock = RigBlock & { readonly author: Address; readonly state: ConsensusState };

/** What one host keeps on disk: it survives a crash. */
export type RigDisk = {
  readonly saved: Map<string, Bytes>;
  readonly guard: Map<string, GuardRecord> | null;
  blocks: Map<Hash, KnownBlock>;
  finalized: Hash;
  anchor: Bytes | null;
  /** Of blocks that were finalized with one. */
  readonly proofs: Map<Hash, Bytes>;
};
