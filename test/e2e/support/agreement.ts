import { blockAt, heightOf, type Rpc, type RpcBlock } from './rpc.ts';
import { until } from './wait.ts';

/** Waits until every node's block of that tag is at least so high. */
export async function allReach(
  rpcs: readonly Rpc[],
  height: number,
  tag = 'latest',
  timeoutMs = 60_000,
): Promise<void> {
  await until(
    `${tag} reaches ${height} on ${rpcs.length} nodes`,
    async () => {
      const heights = await Promise.all(rpcs.map((rpc) => heightOf(rpc, tag)));
      if (heights.some((at) => at < height)) throw new Error(`heights ${heights.join(', ')}`);
      return true;
    },
    { timeoutMs },
  );
}

/** The block that every node calls the one of that height; throws, naming the hashes, where they differ. */
export async function agreedBlock(rpcs: readonly Rpc[], height: number): Promise<RpcBlock> {
  const blocks = await Promise.all(rpcs.map((rpc) => blockAt(rpc, height)));
  const hashes = blocks.map((block) => block?.hash ?? 'none');
  const [first] = blocks;
  if (first === null || first === undefined || new Set(hashes).size !== 1) {
    throw new Error(`block ${height} differs: ${hashes.join(', ')}`);
  }
  return first;
}

/** As agreedBlock, for a height near the head where a reorg may still be on its way. */
export function agreedInTime(rpcs: readonly Rpc[], height: number): Promise<RpcBlock> {
  return until(`every node names the same block ${height}`, () => agreedBlock(rpcs, height));
}

/** Lowest height that a tag has on any of the nodes. */
export async function lowest(rpcs: readonly Rpc[], tag = 'latest'): Promise<number> {
  return Math.min(...(await Promise.all(rpcs.map((rpc) => heightOf(rpc, tag)))));
}
