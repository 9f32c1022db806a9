import { describe, expect, it } from 'vitest';
import { encodeBlockWithProof, headerHash } from '../../../src/codec/block.ts';
import { encodeRlp } from '../../../src/codec/rlp.ts';
import { BlockFetch, FETCHES_MAX } from '../../../src/node/block-fetch.ts';
import type { Network } from '../../../src/ports/network.ts';
import type { Bytes, Hash } from '../../../src/types/primitives.ts';
import { silentLog } from '../../../src/util/log.ts';
import { Rng } from '../../../src/util/rng.ts';
import { chainOf, type LinkedBlock } from './chain-of.ts';
import { GENESIS } from './sync-rig.ts';

const [BLOCK, OTHER] = chainOf(GENESIS, 2) as [LinkedBlock, LinkedBlock];
const NOTHING = encodeRlp([]);
const answerOf = ({ block }: LinkedBlock): Bytes => encodeRlp([encodeBlockWithProof({ block })]);

/** `answers`: what each peer says; never of one that is not named. */
function rig(count: number, answers: Readonly<Record<string, Bytes>>) {
  const asked: string[] = [];
  const blamed: string[] = [];
  const known = new Set<Hash>();
  const rng = new Rng(3);
  const network: Partial<Network> = {
    peers: () =>
      Array.from({ length: count }, (_, i) => ({ id: `p${i}`, addresses: [], direction: 'inbound', score: 0 })),
    blame: (peer, code) => void blamed.push(`${peer} ${code}`),
    request: (peer) => {
      asked.push(peer);
      const answer = answers[peer];
      return answer === undefined ? new Promise(() => {}) : Promise.resolve(answer);
    },
  };
  const fetch = new BlockFetch({
    network: network as Network,
    intake: {
      accept: async (block) => {
        const hash = headerHash(block.header);
        known.add(hash);
        return { kind: 'imported', hash, node: null as never };
      },
    },
    has: (hash) => known.has(hash),
    random: () => rng.next(),
    log: silentLog,
  });
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 50; turn++) await new Promise((wake) => setImmediate(wake));
  };
  return { fetch, asked, blamed, known, settle };
}

describe('a block that the engine asks for', () => {
  it('comes although another peer does not answer', async () => {
    const { fetch, asked, known, settle } = rig(2, { p1: answerOf(BLOCK) });
    fetch.want(BLOCK.hash, 'p0');
    await settle();
    expect(asked).toContain('p1');
    expect(known.has(BLOCK.hash)).toBe(true);
    // The one that does not answer keeps no place.
    for (let n = 0; n < FETCHES_MAX; n++) fetch.want(`0x${n.toString(16).padStart(64, '0')}`, 'p1');
    fetch.want(OTHER.hash, 'p1');
    expect(asked.length).toBeGreaterThan(FETCHES_MAX);
  });

  it('is that one, or its sender is to blame', async () => {
    const { fetch, blamed, known, settle } = rig(1, { p0: answerOf(OTHER) });
    fetch.want(BLOCK.hash, 'p0');
    await settle();
    expect(known.size).toBe(0);
    expect(blamed).toEqual(['p0 BLOCK_OTHER']);
  });

  it('is asked of others each time, of the likeliest first', async () => {
    const none = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`p${i}`, NOTHING]));
    const { fetch, asked, blamed, settle } = rig(20, none);
    const rounds: string[] = [];
    for (let round = 0; round < 4; round++) {
      asked.length = 0;
      fetch.want(BLOCK.hash, 'p17');
      await settle();
      expect(asked[0]).toBe('p17');
      expect(asked).toHaveLength(8);
      rounds.push(asked.join(' '));
    }
    expect(new Set(rounds).size).toBe(4);
    expect(blamed).toEqual([]);
  });
});
