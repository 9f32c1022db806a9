import { encodeVote } from '../../consensus/common/ffg-vote.ts';
import { VOTES_PER_VOTER_MAX } from '../../consensus/common/vote-pool.ts';
import { loadEngine } from '../../consensus/registry.ts';
import { keccak256 } from '../../src/crypto/keccak.ts';
import type { Hash } from '../../src/types/primitives.ts';
import { testEngine } from './engine.ts';
import type { RigBlock, RigNode } from './rig-node.ts';

const hashOf = (text: string): Hash => keccak256(Buffer.from(text));
const kept: readonly [string, number] = ['pooledVotes', 4 * VOTES_PER_VOTER_MAX];

/** Votes for targets that nobody has, near and far. */
function floodVote(n: number): Uint8Array {
  const epoch = n % 3 === 0 ? n : n % 3 === 1 ? Number.MAX_SAFE_INTEGER - n : 1 + (n % 20);
  return encodeVote({
    source: { epoch: 0, hash: hashOf(`source ${n}`) },
    target: { epoch: Math.max(epoch, 1), hash: hashOf(`target ${n}`) },
  });
}

/** Votes for every block seen, from every source it could have. */
function lyingVotes(node: RigNode, block: RigBlock): Uint8Array[] {
  const target = { epoch: block.header.number, hash: block.hash };
  const votes: Uint8Array[] = [];
  let source = node.block(block.header.parentHash);
  for (let i = 0; i < 4 && source !== undefined; i++) {
    votes.push(encodeVote({ source: { epoch: source.header.number, hash: source.hash }, target }));
    source = node.block(source.header.parentHash);
  }
  return votes;
}

const common = { flood: floodVote, lies: lyingVotes, kept, factory: await loadEngine('poa') };

testEngine('poa, a block a second', {
  ...common,
  params: { blockTimeMs: 1000 },
  stormParams: (draw) => ({
    blockTimeMs: draw.pick([1000, 1000, 300, 0, 100]),
    checkpointBlocks: draw.pick([1, 1, 1, 3]),
    unfinalizedBlocksMax: draw.pick([16, 1024]),
  }),
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
  seeds: 60,
});

testEngine('poa, blocks on demand', {
  ...common,
  params: { blockTimeMs: 0 },
  stormParams: () => ({ blockTimeMs: 0, checkpointBlocks: 2 }),
  badParams: [],
  seeds: 20,
});
