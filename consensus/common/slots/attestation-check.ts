import type { SignedMessage } from '../../../src/types/message.ts';
import { ACCEPT, ignore, later, reject, type Verdict } from '../../api/verdict.ts';
import type { BlockWeights } from '../block-weights.ts';
import { decodeVote, sameCheckpoint } from '../ffg-vote.ts';
import type { SlotBlock } from './branch.ts';
import type { DutyRoster } from './duty-roster.ts';
import type { SlotFamily } from './family.ts';
import { epochOf, slotStartMs } from './slot-times.ts';

export type AttestationContext = {
  readonly family: SlotFamily;
  readonly tree: BlockWeights<SlotBlock>;
  readonly roster: DutyRoster;
  readonly isKnown: (message: SignedMessage) => boolean;
  readonly now: number;
};

/** Before an attestation is passed on. It is refused only for what everybody who has the same blocks would refuse. */
export function checkAttestation(context: AttestationContext, message: SignedMessage): Verdict {
  const { family, tree, roster } = context;
  const vote = decodeVote(message.payload);
  if (vote?.attested === undefined) return reject('ATTESTATION_MALFORMED');
  const { target, source, attested } = vote;
  if (epochOf(family.params, attested.slot) !== target.epoch) return reject('ATTESTATION_SLOT');
  if (!context.isKnown(message)) return ignore('ATTESTER_UNKNOWN');
  if (target.epoch <= tree.root.data.slots.epoch) return ignore('ATTESTATION_OLD');
  const startMs = slotStartMs(family.params, tree.root.data.slots.genesisMs, attested.slot);
  if (startMs > context.now + family.params.clockToleranceMs + family.params.blockTimeMs)
    return later('ATTESTATION_EARLY');

  const checkpoint = tree.get(target.hash);
  if (checkpoint === undefined) return later('TARGET_UNKNOWN');
  const link = checkpoint.data.ffg.targets.find((item) => item.checkpoint.hash === target.hash);
  if (link === undefined || link.checkpoint.epoch !== target.epoch) return reject('TARGET_INVALID');
  if (!sameCheckpoint(link.source, source)) return reject('SOURCE_INVALID');
  if (roster.of(checkpoint).get(message.from) !== attested.slot) return reject('ATTESTATION_OUTSIDE_COMMITTEE');
  const head = tree.get(attested.head);
  if (head === undefined) return later('HEAD_UNKNOWN');
  return tree.isAncestor(target.hash, attested.head) ? ACCEPT : reject('HEAD_NOT_OF_TARGET');
}
