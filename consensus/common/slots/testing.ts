import { keccak256 } from '../../../src/crypto/keccak.ts';
import type { Hash, JsonObject } from '../../../src/types/primitives.ts';
import { messageTesting, type EngineTesting, type SeenBlock } from '../../api/testing.ts';
import { voteOffence } from '../ffg-offence.ts';
import { decodeVote, encodeVote, type FfgVote } from '../ffg-vote.ts';
import { VOTES_PER_VOTER_MAX } from '../vote-pool.ts';
import { decodeExtra } from './extra.ts';

const SOURCES_PER_LIE_MAX = 4;
const hashOf = (text: string): Hash => keccak256(Buffer.from(text));

/** What the judges need to know of an engine of this room. */
export function slotTesting(slotsPerEpoch: number, more: JsonObject): EngineTesting {
  const at = (vote: Pick<FfgVote, 'source' | 'target'>, head: Hash): Uint8Array =>
    encodeVote({ ...vote, attested: { slot: vote.target.epoch * slotsPerEpoch, head } });
  return {
    params: { blockTimeMs: 500, slotsPerEpoch, ...more },
    stormParams: (draw) => ({
      blockTimeMs: draw.pick([500, 500, 300]),
      slotsPerEpoch,
      unfinalizedBlocksMax: draw.pick([64, 1024]),
      ...more,
    }),
    // Whoever is cut off for long would be leaked; the leak has tests of its own.
    simParams: (draw) => ({
      blockTimeMs: 500,
      slotsPerEpoch: draw.pick([slotsPerEpoch, 4]),
      leakAfterEpochs: 100_000,
      ...more,
    }),
    badParams: [
      [7, ''],
      [{ blockTimeMs: 0 }, 'blockTimeMs'],
      [{ slotsPerEpoch: 1 }, 'slotsPerEpoch'],
      [{ stakeMin: '32' }, 'stakeMin'],
      [{ ejectionStake: 40 }, 'ejectionStake'],
      [{ slotsPerEpoch: 1000 }, 'unfinalizedBlocksMax'],
      [{ __proto__: null, constructor: 1 }, 'constructor'],
    ],
    sealPlace: (_params, header) => `slot ${decodeExtra(header.extra)?.slot ?? -1}`,
    messages: messageTesting<FfgVote>({
      read: (payload) => decodeVote(payload),
      scope: () => '',
      contradict: (a, b) => voteOffence(a, b) !== null,
      show: ({ source, target, attested }) =>
        `attestation ${source.epoch} -> ${target.epoch} (${target.hash.slice(0, 10)}) in slot ${attested?.slot}`,
    }),
    flood: (n) => {
      const epoch = n % 3 === 0 ? n : n % 3 === 1 ? 2 ** 40 - n : 1 + (n % 20);
      const target = { epoch: Math.max(epoch, 1), hash: hashOf(`target ${n}`) };
      return at({ source: { epoch: 0, hash: hashOf(`source ${n}`) }, target }, hashOf(`head ${n}`));
    },
    lies: (block) => liesAbout(block).map((vote) => at(vote, block.hash)),
    kept: ['pooledVotes', VOTES_PER_VOTER_MAX],
  };
}

/** Votes for every block seen, from every source it could have, as if each were a checkpoint. */
function liesAbout(block: SeenBlock): Pick<FfgVote, 'source' | 'target'>[] {
  const target = { epoch: block.number, hash: block.hash };
  const votes: Pick<FfgVote, 'source' | 'target'>[] = [];
  for (let source = block.parent; source !== undefined && votes.length < SOURCES_PER_LIE_MAX; source = source.parent) {
    votes.push({ source: { epoch: source.number, hash: source.hash }, target });
  }
  return votes;
}
