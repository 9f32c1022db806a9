import { VOTES_PER_BLOCK_MAX, type Header } from '../../src/types/block.ts';
import type { SignedMessage } from '../../src/types/message.ts';
import type { Address } from '../../src/types/primitives.ts';
import type { HowReceived } from '../api/engine.ts';
import { ACCEPT, ignore, later, reject, type Verdict } from '../api/verdict.ts';
import type { BlockWeights } from '../common/block-weights.ts';
import type { FailedBlocks } from '../common/failed-blocks.ts';
import { decodeLink } from '../common/ffg-vote.ts';
import { activeValidators } from '../common/quorum.ts';
import type { PoaBlock } from './branch.ts';
import { decodeExtra } from './extra.ts';
import { blockDistanceMs, type PoaParams } from './params.ts';
import { turnOrder } from './turns.ts';

const SEAL_SIZE_BYTES = 65;

/** Blocks of one author and height taken from gossip. More come in only when a descendant makes the node fetch them. */
export const BLOCKS_PER_PLACE_MAX = 3;

export type HeaderContext = {
  readonly params: PoaParams;
  readonly chainId: number;
  readonly shard: number;
  readonly tree: BlockWeights<PoaBlock>;
  readonly failed: FailedBlocks;
};

/** Who sealed it, when, and what else it says, against its parent. Everything is decided by the branch but the clock. */
export function checkHeader(context: HeaderContext, header: Header, author: Address, how: HowReceived): Verdict {
  const parent = context.tree.get(header.parentHash);
  if (parent === undefined) return later('PARENT_UNKNOWN');
  const { params } = context;
  if (header.seal.length !== SEAL_SIZE_BYTES) return reject('SEAL_INVALID');
  if (header.number !== parent.number + 1) return reject('NUMBER_INVALID');

  const extra = decodeExtra(header.extra);
  if (extra === null) return reject('EXTRA_MALFORMED');
  if (extra.chainId !== context.chainId || extra.shard !== context.shard) return reject('EXTRA_OTHER_CHAIN');
  if (extra.vote !== null && header.number % params.epochBlocks === 0) return reject('VOTE_IN_EPOCH_BLOCK');

  const { authorities, recents } = parent.data;
  if (!authorities.includes(author)) return reject('AUTHOR_UNAUTHORIZED');
  const rank = turnOrder(authorities, recents, header.number).indexOf(author);
  if (rank < 0) return reject('AUTHOR_RECENT');
  const earliestMs = parent.data.header.timeMs + blockDistanceMs(params) + rank * params.backupDelayMs;
  if (header.timeMs < earliestMs) return reject('TIME_TOO_EARLY');
  const code = votesFault(parent.data, how.votes);
  if (code !== null) return reject(code);

  const retryAt = header.timeMs - params.clockToleranceMs;
  if (retryAt > how.now) return later('TIME_AHEAD', retryAt);
  const made = sealedBy(context.tree, author, header.number) + context.failed.count(author, header.number);
  if (how.origin === 'gossip' && made >= BLOCKS_PER_PLACE_MAX) return ignore('AUTHOR_FLOODS');
  return ACCEPT;
}

/** Only what no branch with this parent could ever count is a fault; other votes are merely not counted. */
function votesFault(parent: PoaBlock, votes: readonly SignedMessage[]): string | null {
  if (votes.length > VOTES_PER_BLOCK_MAX) return 'VOTES_TOO_MANY';
  const voters = new Set(parent.ffg.eras.flatMap((era) => era.validators.map(({ address }) => address)));
  for (const { address } of activeValidators(parent.state.validators)) voters.add(address);
  const places = new Set<string>();
  for (const message of votes) {
    const vote = decodeLink(message.payload);
    if (vote === null) return 'VOTE_MALFORMED';
    if (!voters.has(message.from)) return 'VOTER_UNKNOWN';
    const place = `${message.from}/${vote.target.epoch}`;
    if (places.has(place)) return 'VOTE_TWICE';
    places.add(place);
  }
  return null;
}

function sealedBy(tree: BlockWeights<PoaBlock>, author: Address, number: number): number {
  let count = 0;
  for (const block of tree.all()) if (block.number === number && block.data.author === author) count++;
  return count;
}
