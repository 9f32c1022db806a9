import { JUSTIFICATION_SIZE_BYTES_MAX } from '../../src/codec/block.ts';
import { encodeRlp } from '../../src/codec/rlp.ts';
import { RlpReader } from '../../src/codec/rlp-reader.ts';
import { readVotes, votesToRlp } from '../../src/codec/votes.ts';
import { VOTES_PER_BLOCK_MAX } from '../../src/types/block.ts';
import type { SignedMessage } from '../../src/types/message.ts';
import type { Address, Bytes } from '../../src/types/primitives.ts';
import type { ValidatorSet } from '../../src/types/validator.ts';
import type { EngineCrypto } from '../api/engine.ts';
import { readList } from './ffg-codec.ts';
import { decodeVote, sameCheckpoint, type Checkpoint, type FfgVote } from './ffg-vote.ts';
import type { FfgState } from './ffg.ts';
import { activeValidators, hasQuorum } from './quorum.ts';

/**
 * Proof that a checkpoint is final, for those who have no blocks: RLP, the votes (src/codec/votes.ts) for each link of rule 4
 * in ffg.ts, the finalizing link last. That the finalized checkpoint was itself justified need not be shown: the
 * honest majority behind the last link votes from justified sources only.
 */

/** null for genesis, which needs no proof, and for a proof too large to travel. */
export function encodeJustification(state: FfgState): Bytes | null {
  if (state.proof.length === 0) return null;
  const bytes = encodeRlp(state.proof.map(votesToRlp));
  return bytes.length <= JUSTIFICATION_SIZE_BYTES_MAX ? bytes : null;
}

/**
 * The checkpoint that these bytes prove final; null when they prove nothing. `sets`: every validator set in force from
 * the verifier's last known final block to the links' targets, usually one; each of them must have a quorum.
 */
export function verifyJustification(
  sets: readonly ValidatorSet[],
  bytes: Bytes,
  crypto: EngineCrypto,
): Checkpoint | null {
  if (sets.length === 0 || bytes.length > JUSTIFICATION_SIZE_BYTES_MAX) return null;
  const links = decodeLinks(bytes)?.map((link) => verifiedLink(sets, link, crypto));
  const final = links?.at(-1);
  if (links === undefined || final === undefined || final === null) return null;
  const first = final.target.epoch - links.length + 1;
  const consecutive = links.every((link, i) => link !== null && link.target.epoch === first + i);
  return consecutive && final.source.epoch === first - 1 ? final.source : null;
}

/** The one vote that a quorum of every set has signed. */
function verifiedLink(
  sets: readonly ValidatorSet[],
  messages: readonly SignedMessage[],
  crypto: EngineCrypto,
): FfgVote | null {
  const first = messages[0];
  const link = first === undefined ? null : decodeVote(first.payload);
  if (link === null) return null;
  const voters = new Set<Address>();
  for (const message of messages) {
    const vote = decodeVote(message.payload);
    if (vote === null || !sameCheckpoint(vote.source, link.source) || !sameCheckpoint(vote.target, link.target)) {
      return null;
    }
    if (voters.has(message.from)) return null;
    // Signatures of strangers carry no weight and are not worth the work of checking.
    if (!sets.some((set) => set.some(({ address }) => address === message.from))) continue;
    if (crypto.recover(crypto.messageDigest(message.payload), message.signature) !== message.from) return null;
    voters.add(message.from);
  }
  return sets.every((set) => hasQuorum(activeValidators(set), (address) => voters.has(address))) ? link : null;
}

function decodeLinks(bytes: Bytes): SignedMessage[][] | null {
  try {
    const reader = new RlpReader(bytes);
    const links = readList(reader, (item) => readVotes(item, VOTES_PER_BLOCK_MAX, 'JUSTIFICATION_TOO_MANY_VOTES'));
    reader.end();
    return links;
  } catch {
    return null;
  }
}
