import type { Header } from '../../src/types/block.ts';
import type { Address, Bytes } from '../../src/types/primitives.ts';
import type { EngineCrypto, HowReceived } from '../api/engine.ts';
import { ACCEPT, later, reject, type Verdict } from '../api/verdict.ts';
import { activeValidators } from '../common/quorum.ts';
import type { Blocks } from './blocks.ts';
import type { CertificateFault } from './certificate.ts';
import { decodeExtra } from './extra.ts';
import type { Height } from './height.ts';
import { blockDistanceMs, type PbftParams } from './params.ts';

const SEAL_SIZE_BYTES = 65;

/** Candidates of one author and height. More come in only when they are proposed. */
export const PROPOSALS_PER_AUTHOR_MAX = 4;
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
 * decision has arrived everywhere.
 */
function checkCandidate(context: HeaderContext, header: Header, author: Address, how: HowReceived): Verdict {
  const { params, blocks, height, crypto } = context;
  if (header.number > blocks.decided.header.number + 2) {
    return later('PARENT_UNDECIDED', how.now + UNDECIDED_RETRY_MS);
  }
  const retryAt = header.timeMs - params.clockToleranceMs;
  const isAhead = retryAt > how.now;
  const isCounted = how.origin === 'gossip' || how.origin === 'sync';
  const isTooMany = isCounted && blocks.countBy(author, header.number) >= PROPOSALS_PER_AUTHOR_MAX;
  if (!isAhead && !isTooMany) return ACCEPT;
  // What is needed to go on comes in whatever else its author did, and if others vouch for it, whatever our clock says.
  const needed = height.neededBlock();
  const isNeeded = needed !== null && needed.hash === crypto.headerHash(header);
  if (isAhead && !(isNeeded && needed.isVouched)) return later('TIME_AHEAD', retryAt);
  return isTooMany && !isNeeded ? later('AUTHOR_FLOODS') : ACCEPT;
}
