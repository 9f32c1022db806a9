/** consensus_evidence: what blocks of a range punish, and what waits for one. */
import { afterEach, describe, expect, it } from 'vitest';
import type { RpcLimits } from '../../rpc/limits.ts';
import type { BlockView } from '../../src/node/api.ts';
import type { ProvenOffence } from '../../src/types/evidence.ts';
import type { JsonObject, JsonValue } from '../../src/types/primitives.ts';
import { BOB, MINER } from './fake-node.ts';
import { startFixture, type Fixture } from './fixture.ts';

let rpc: Fixture;
let blocks: readonly BlockView[];
afterEach(() => rpc.server.stop());

function offence(height: number, more: { readonly epoch?: number; readonly sizeBytes?: number } = {}): ProvenOffence {
  const { epoch, sizeBytes = 1 } = more;
  const place = { offender: BOB, code: 'DOUBLE_VOTE', height };
  return {
    offence: epoch === undefined ? place : { ...place, epoch },
    evidence: {
      kind: 'messages',
      offender: BOB,
      first: new Uint8Array(sizeBytes).fill(1),
      second: Uint8Array.of(2, height),
    },
  };
}

/** Blocks 1 to 4. The second punishes one offence, the fourth two; one more waits. */
async function setUp(limits: Partial<RpcLimits> = {}): Promise<void> {
  rpc = await startFixture({ limits });
  blocks = [1, 2, 3, 4].map(() => rpc.node.mine());
  const [, second, , fourth] = blocks;
  rpc.node.offences.set(second?.hash ?? '0x', [offence(1, { epoch: 7 })]);
  rpc.node.offences.set(fourth?.hash ?? '0x', [offence(2), offence(3)]);
  rpc.node.offencesWaiting = [offence(4)];
}

async function heights(...params: JsonValue[]): Promise<unknown[]> {
  const found = (await rpc.result('consensus_evidence', ...params)) as unknown as {
    readonly height: number;
    readonly block: { readonly number: number } | null;
  }[];
  return found.map(({ height, block }) => [height, block?.number ?? null]);
}

describe('consensus_evidence', () => {
  it('tells who did what, when, by which two statements, and which block punishes it', async () => {
    await setUp();
    expect(await rpc.result('consensus_evidence', '0x1', '0x2')).toEqual([
      {
        block: { hash: blocks[1]?.hash, number: 2 },
        offender: BOB,
        code: 'DOUBLE_VOTE',
        height: 1,
        epoch: 7,
        kind: 'messages',
        first: '0x01',
        second: '0x0201',
      },
    ]);
  });

  it.each<[string, JsonValue[], unknown[]]>([
    [
      'all of it by default, and what waits',
      [],
      [
        [1, 2],
        [2, 4],
        [3, 4],
        [4, null],
      ],
    ],
    ['a range', ['0x2', '0x3'], [[1, 2]]],
    [
      'a range up to a block, as far back as is allowed',
      [null, '0x4'],
      [
        [1, 2],
        [2, 4],
        [3, 4],
      ],
    ],
    [
      'what waits where a range ends at the head',
      ['latest', 'pending'],
      [
        [2, 4],
        [3, 4],
        [4, null],
      ],
    ],
    ['nothing in the future', ['0x50', '0x99'], []],
  ])('finds %s', async (_, params, expected) => {
    await setUp();
    expect(await heights(...params)).toEqual(expected);
  });

  it('tells an offence once that is in a block and, until that is final, still waiting', async () => {
    await setUp();
    rpc.node.offencesWaiting = [offence(3), offence(4)];
    expect(await heights('latest')).toEqual([
      [2, 4],
      [3, 4],
      [4, null],
    ]);
  });

  it('refuses ranges and answers that are too large, and says what fits', async () => {
    await setUp({ logsBlockRangeMax: 2 });
    expect(await heights()).toEqual([
      [2, 4],
      [3, 4],
      [4, null],
    ]);
    expect((await rpc.call('consensus_evidence', '0x1', '0x3')).error).toMatchObject({
      code: -32005,
      data: { fromBlock: '0x1', toBlock: '0x2' },
    });
    await rpc.server.stop();
    await setUp({ answerSizeBytesMax: 20_000 });
    rpc.node.offences.set(blocks[3]?.hash ?? '0x', [
      offence(2, { sizeBytes: 9_000 }),
      offence(3, { sizeBytes: 9_000 }),
    ]);
    expect((await rpc.call('consensus_evidence', '0x1')).error).toMatchObject({
      code: -32005,
      data: { fromBlock: '0x1', toBlock: '0x3' },
    });
    expect(await heights('0x1', '0x3')).toEqual([[1, 2]]);
  });

  it.each<[JsonValue[], JsonObject]>([
    [['0x3', '0x1'], { code: -32602 }],
    [[1], { code: -32602 }],
    [['0x1', MINER], { code: -32602 }],
    [['0x1', '0x2', '0x3'], { code: -32602 }],
  ])('refuses %j', async (params, error) => {
    await setUp();
    expect((await rpc.call('consensus_evidence', ...params)).error).toMatchObject(error);
  });
});
