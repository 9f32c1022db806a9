import { keccak256 } from '../../src/crypto/keccak.ts';
import type { Hash } from '../../src/types/primitives.ts';
import { messageTesting, type EngineTesting, type SeenBlock } from '../api/testing.ts';
import { voteOffence } from '../common/ffg-offence.ts';
import { decodeLink, encodeVote, type Link } from '../common/ffg-vote.ts';
import { VOTES_PER_VOTER_MAX } from '../common/vote-pool.ts';
import { slotOf, type PoaParams } from './params.ts';

const SOURCES_PER_LIE_MAX = 4;

const hashOf = (text: string): Hash => keccak256(Buffer.from(text));

/** Votes for targets that nobody has, near and far. */
function floodVote(n: number): Uint8Array {
  const epoch = n % 3 === 0 ? n : n % 3 === 1 ? Number.MAX_SAFE_INTEGER - n : 1 + (n % 20);
  return encodeVote({
    source: { epoch: 0, hash: hashOf(`source ${n}`) },
    target: { epoch: Math.max(epoch, 1), hash: hashOf(`target ${n}`) },
  });
}

/** Votes for every block seen, from every source it could have. */
function lyingVotes(block: SeenBlock): Uint8Array[] {
  const target = { epoch: block.number, hash: block.hash };
  const votes: Uint8Array[] = [];
  for (let source = block.parent; source !== undefined && votes.length < SOURCES_PER_LIE_MAX; source = source.parent) {
    votes.push(encodeVote({ source: { epoch: source.number, hash: source.hash }, target }));
  }
  return votes;
}

export const poaTesting: EngineTesting = {
  params: { blockTimeMs: 1000 },
  stormParams: (draw) => ({
    blockTimeMs: draw.pick([1000, 1000, 300, 0, 100]),
    checkpointBlocks: draw.pick([1, 1, 1, 3]),
    unfinalizedBlocksMax: draw.pick([16, 1024]),
  }),
  simParams: (draw) => ({ blockTimeMs: 1000, checkpointBlocks: draw.pick([1, 1, 1, 2, 4]) }),
  badParams: [
    [7, ''],
    [[], ''],
    [{ blockTimeMs: -1 }, 'blockTimeMs'],
    [{ blockTimeMs: '1000' }, 'blockTimeMs'],
    [{ epochBlocks: 0 }, 'epochBlocks'],
    [{ checkpointBlocks: 1.5 }, 'checkpointBlocks'],
    [{ checkpointBlocks: 1000 }, 'unfinalizedBlocksMax'],
    [{ blocktime: 5 }, 'blocktime'],
    [{ __proto__: null, constructor: 1 }, 'constructor'],
  ],
  sealPlace: (params, header) => `slot ${slotOf(params as PoaParams, header.timeMs)}`,
  messages: messageTesting<Link>({
    read: decodeLink,
    scope: () => '',
    contradict: (a, b) => voteOffence(a, b) !== null,
    show: ({ source, target }) => `vote ${source.epoch} -> ${target.epoch} (${target.hash.slice(0, 10)})`,
  }),
  flood: floodVote,
  lies: lyingVotes,
  kept: ['pooledVotes', VOTES_PER_VOTER_MAX],
};
