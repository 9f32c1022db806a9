import type { Header } from '../../src/types/block.ts';
import type { Address, Bytes } from '../../src/types/primitives.ts';
import type { EngineCrypto, HowReceived } from '../api/engine.ts';
import { ACCEPT, ignore, later, reject, type Verdict } from '../api/verdict.ts';
import { activeValidators } from '../common/quorum.ts';
import type { Blocks } from './blocks.ts';
import type { CertificateFault } from './certificate.ts';
import { decodeExtra } from './extra.ts';
import type { Height } from './height.ts';
import { blockDistanceMs, type PbftParams } from './params.ts';
import { primaryOf } from './primary.ts';

const SEAL_SIZE_BYTES = 65;

/** Blocks of one author and height that are executed, good or bad. More come in only when they are proposed. */
export const PROPOSALS_PER_AUTHOR_MAX = 2;
/** Who leads the view under way, or one of so many after it, may send a block before proposing it. */
const VIEWS_AHEAD = 2;
/** A block whose parent's parent is not decided comes again after this. */
const UNDECIDED_RETRY_MS = 100;

export type HeaderContext = {
  readonly params: PbftParams;
  readonly chainId: number;
  readonly shard: number;
  readonly crypto: EngineCrypto;
  readonly blocks: Blocks;
  readonly height: Height;
  readonly certificateFault: (header: Header, justification: Bytes) => CertificateFault | null;
};

/** Who sealed it and when, against its parent, and the proof beside it. */
export function checkHeader(context: HeaderContext, header: Header, author: Address, how: HowReceived): Verdict {
  const { blocks } = context;
  const parent = blocks.get(header.parentHash);
  if (parent === undefined) return later('PARENT_UNKNOWN');
  if (header.number !== parent.header.number + 1) return reject('NUMBER_INVALID');
  if (header.seal.length !== SEAL_SIZE_BYTES) return reject('SEAL_INVALID');

  const extra = decodeExtra(header.extra);
  if (extra === null) return reject('EXTRA_MALFORMED');
  if (extra.chainId !== context.chainId || extra.shard !== context.shard) return reject('EXTRA_OTHER_CHAIN');
  if (how.votes.length > 0) return reject('VOTES_IN_BLOCK');
  if (!activeValidators(parent.state.validators).some(({ address }) => address === author)) {
    return reject('AUTHOR_UNAUTHORIZED');
  }
  if (header.timeMs < parent.header.timeMs + blockDistanceMs(context.params)) return reject('TIME_TOO_EARLY');
  if (how.justification === null) return checkCandidate(context, header, author, how);
  if (parent !== blocks.decided) return later('PARENT_UNDECIDED');
  const fault = context.certificateFault(header, how.justification);
  return fault === null ? ACCEPT : reject(`PBFT_CERTIFICATE_${fault}`);
}

/**
 * A block that nobody has decided yet. Its parent may be a candidate itself: a new primary does not wait until the last
 * decision has arrived everywhere. Each costs an execution, whether it turns out good or not, so only those come in
 * unasked that are likely to be proposed. A block that is proposed and is not here is fetched.
 */
function checkCandidate(context: HeaderContext, header: Header, author: Address, how: HowReceived): Verdict {
  const { params, blocks, height, crypto } = context;
  const isOthers = how.origin === 'gossip' || how.origin === 'sync';
  const excess = isOthers ? excessOf(context, header, author) : null;
  if (header.number > blocks.decided.header.number + 2) {
    return excess === null ? later('PARENT_UNDECIDED', how.now + UNDECIDED_RETRY_MS) : ignore(excess);
  }
  const retryAt = header.timeMs - params.clockToleranceMs;
  const isAhead = retryAt > how.now;
  if (!isAhead && excess === null) return ACCEPT;
  // What is needed to go on comes in whatever else its author did, and if others vouch for it, whatever our clock says.
  const needed = height.neededBlock();
  const isNeeded = needed !== null && needed.hash === crypto.headerHash(header);
  if (excess !== null && !isNeeded) return ignore(excess);
  return isAhead && !(isNeeded && needed.isVouched) ? later('TIME_AHEAD', retryAt) : ACCEPT;
}

/** Why this block does not come in unasked; null: it may. */
function excessOf(context: HeaderContext, header: Header, author: Address): string | null {
  const { params, blocks, height } = context;
  const parent = blocks.get(header.parentHash);
  if (parent === undefined) return null;
  const isNext = parent === blocks.decided;
  const validators = isNext ? height.validators : activeValidators(parent.state.validators);
  const [from, to] = isNext ? [height.view, Math.max(height.view, height.target)] : [0, 0];
  for (let view = from; view <= to + VIEWS_AHEAD; view++) {
    if (primaryOf(validators, parent.author, view, params.proposers) !== author) continue;
    return blocks.countBy(author, header.number) >= PROPOSALS_PER_AUTHOR_MAX ? 'AUTHOR_FLOODS' : null;
  }
  return 'AUTHOR_NOT_LEADING';
}
