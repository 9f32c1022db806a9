import type { Header } from '../../src/types/block.ts';
import type { EngineCrypto, HowReceived } from '../api/engine.ts';
import { ACCEPT, ignore, later, reject, type Verdict } from '../api/verdict.ts';
import type { BlockWeights } from '../common/block-weights.ts';
import { nextBits, workOfBits, type PowBlock, type PowTreeBlock } from './branch.ts';
import { targetOf } from './compact.ts';
import { decodeExtra } from './extra.ts';
import type { PowParams } from './params.ts';
import { medianTime } from './times.ts';
import { SEAL_SIZE_BYTES, sealedWorkHash } from './work-header.ts';

/**
 * The host holds 16,384 blocks above finality, and takes in only children of the head when there are more. Whoever leaves the
 * chain far back and lets difficulty fall could fill that, and keep better branches out. So the second half of the room is
 * for blocks that cost something, or stand near the head. No network comes so far by itself: `confirmations` is at most 4096.
 */
const CROWDED_BLOCKS_MIN = 8192;
/** With less than one part in so many of the head's work a block is cheap; a branch that lacks more heads' work is far behind. */
const CHEAP_PARTS = 16n;

export type HeaderContext = {
  readonly params: PowParams;
  readonly chainId: number;
  readonly shard: number;
  readonly tree: BlockWeights<PowBlock>;
  readonly head: PowTreeBlock;
  readonly crypto: EngineCrypto;
};

/** The work and the time, against the parent's branch. Everything is decided by the branch but the clock. */
export function checkHeader(context: HeaderContext, header: Header, how: HowReceived): Verdict {
  const parent = context.tree.get(header.parentHash);
  if (parent === undefined) return later('PARENT_UNKNOWN');
  if (header.seal.length !== SEAL_SIZE_BYTES) return reject('SEAL_INVALID');
  if (header.number !== parent.number + 1) return reject('NUMBER_INVALID');

  const extra = decodeExtra(header.extra);
  if (extra === null) return reject('EXTRA_MALFORMED');
  if (extra.chainId !== context.chainId || extra.shard !== context.shard) return reject('EXTRA_OTHER_CHAIN');
  // Nobody votes here; a block full of them would only cost everybody their checking.
  if (how.votes.length > 0) return reject('POW_VOTES');

  const bits = nextBits(parent.data, context.params);
  if (extra.bits !== bits) return reject('POW_BITS');
  const hash = sealedWorkHash(header, context.crypto);
  const target = targetOf(bits);
  if (hash === null || target === null || hash > target) return reject('POW_WORK');

  if (how.origin !== 'replay' && isClutter(context, parent, bits)) return ignore('POW_WORK_LOW');
  if (header.timeMs <= medianTime(parent.data.times)) return reject('POW_TIME_OLD');
  const retryAt = header.timeMs - context.params.futureMs;
  return retryAt > how.now ? later('POW_TIME_AHEAD', retryAt) : ACCEPT;
}

function isClutter({ tree, head }: HeaderContext, parent: PowTreeBlock, bits: number): boolean {
  if (tree.size < CROWDED_BLOCKS_MIN) return false;
  const headWork = workOfBits(head.data.bits);
  return workOfBits(bits) * CHEAP_PARTS < headWork && parent.weight + headWork * CHEAP_PARTS < head.weight;
}
