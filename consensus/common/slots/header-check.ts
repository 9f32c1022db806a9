import { VOTES_PER_BLOCK_MAX, type Header } from '../../../src/types/block.ts';
import type { SignedMessage } from '../../../src/types/message.ts';
import type { Address } from '../../../src/types/primitives.ts';
import type { HowReceived } from '../../api/engine.ts';
import { ACCEPT, ignore, later, reject, type Verdict } from '../../api/verdict.ts';
import type { BlockWeights } from '../block-weights.ts';
import type { FailedBlocks } from '../failed-blocks.ts';
import { decodeVote, sameCheckpoint, type FfgVote } from '../ffg-vote.ts';
import { setsFor } from '../ffg.ts';
import type { SlotBlock } from './branch.ts';
import type { DutyRoster } from './duty-roster.ts';
import type { Hasher } from './draw.ts';
import { decodeExtra } from './extra.ts';
import type { SlotFamily } from './family.ts';
import { revealFault } from './reveals.ts';
import { epochOf, slotOf, slotStartMs } from './slot-times.ts';

const SEAL_SIZE_BYTES = 65;

/** Blocks of one author and slot taken from gossip: two prove what it did. More come in only by sync. */
export const BLOCKS_PER_SLOT_MAX = 2;

export type HeaderContext = {
  readonly family: SlotFamily;
  readonly chainId: number;
  readonly shard: number;
  readonly tree: BlockWeights<SlotBlock>;
  readonly failed: FailedBlocks;
  readonly hasher: Hasher;
};

/** Whose slot it is, when, what it opens and which attestations it carries, against its parent. Decided by the branch but for the clock. */
export function checkHeader(context: HeaderContext, header: Header, author: Address, how: HowReceived): Verdict {
  const { family, tree, hasher } = context;
  const parent = tree.get(header.parentHash);
  if (parent === undefined) return later('PARENT_UNKNOWN');
  if (header.seal.length !== SEAL_SIZE_BYTES) return reject('SEAL_INVALID');
  if (header.number !== parent.number + 1) return reject('NUMBER_INVALID');

  const extra = decodeExtra(header.extra);
  if (extra === null) return reject('EXTRA_MALFORMED');
  if (extra.chainId !== context.chainId || extra.shard !== context.shard) return reject('EXTRA_OTHER_CHAIN');

  const { slots, state } = parent.data;
  const slot = slotOf(family.params, slots.genesisMs, header.timeMs);
  if (slot !== extra.slot || header.timeMs !== slotStartMs(family.params, slots.genesisMs, slot)) {
    return reject('TIME_NOT_OF_SLOT');
  }
  if (slot <= slots.slot) return reject('SLOT_NOT_AFTER_PARENT');
  // Before anything that costs a draw.
  const retryAt = header.timeMs - family.params.clockToleranceMs;
  if (retryAt > how.now) return later('TIME_AHEAD', retryAt);
  if (family.proposer(slots, state.validators, slot, hasher) !== author) return reject('AUTHOR_NOT_DRAWN');
  const epoch = epochOf(family.params, slot);
  const fault = revealFault(slots, author, epoch, extra, hasher) ?? votesFault(family, epoch, parent.data, how.votes);
  if (fault !== null) return reject(fault);

  const isFlood =
    how.origin === 'gossip' && sealedBy(tree, author, slot) + context.failed.count(author, slot) >= BLOCKS_PER_SLOT_MAX;
  return isFlood ? ignore('AUTHOR_FLOODS') : ACCEPT;
}

function votesFault(
  family: SlotFamily,
  epoch: number,
  parent: SlotBlock,
  votes: readonly SignedMessage[],
): string | null {
  if (votes.length > VOTES_PER_BLOCK_MAX) return 'VOTES_TOO_MANY';
  const places = new Set<string>();
  for (const { from, payload } of votes) {
    const vote = decodeVote(payload);
    if (vote?.attested === undefined) return 'ATTESTATION_MALFORMED';
    if (epochOf(family.params, vote.attested.slot) !== vote.target.epoch) return 'ATTESTATION_SLOT';
    if (vote.target.epoch > epoch) return 'ATTESTATION_EARLY';
    const place = `${from}/${vote.target.epoch}`;
    if (places.has(place)) return 'ATTESTATION_TWICE';
    places.add(place);
    const fault = countingFault(parent, from, vote);
    if (fault !== null) return fault;
  }
  return null;
}

/**
 * Only what no branch with this parent could ever count is a fault; other attestations are merely not counted. Everything is decided by the
 * branch: nodes that have finalized differently far must say the same.
 */
function countingFault(parent: SlotBlock, from: Address, vote: FfgVote): string | null {
  const target = parent.ffg.targets.find(({ checkpoint }) => checkpoint.hash === vote.target.hash);
  if (target === undefined) return null;
  if (target.checkpoint.epoch !== vote.target.epoch) return 'TARGET_INVALID';
  if (!sameCheckpoint(target.source, vote.source)) return 'SOURCE_INVALID';
  const isVoter = setsFor(parent.ffg, target).some((set) => set.some(({ address }) => address === from));
  return isVoter ? null : 'ATTESTER_UNKNOWN';
}

/** Whether a block of ours on this parent should carry an attestation: it counts, and it was made in its slot. */
export function isFitToCarry(
  { tree, roster }: { readonly tree: BlockWeights<SlotBlock>; readonly roster: DutyRoster },
  parent: SlotBlock,
  { from, payload }: SignedMessage,
): boolean {
  const vote = decodeVote(payload);
  if (vote?.attested === undefined || countingFault(parent, from, vote) !== null) return false;
  const checkpoint = tree.get(vote.target.hash);
  return checkpoint !== undefined && roster.of(checkpoint).get(from) === vote.attested.slot;
}

function sealedBy(tree: BlockWeights<SlotBlock>, author: Address, slot: number): number {
  let count = 0;
  for (const { data } of tree.all()) if (data.slots.slot === slot && data.author === author) count++;
  return count;
}
