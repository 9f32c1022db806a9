import { encodeRlp, encodeUint } from '../../src/codec/rlp.ts';
import { RlpReader } from '../../src/codec/rlp-reader.ts';
import type { Header } from '../../src/types/block.ts';
import type { Bytes, Millis } from '../../src/types/primitives.ts';
import { CodecError } from '../../src/util/errors.ts';
import type { WeightedBlock } from '../common/block-weights.ts';
import { POW_LIMIT, targetOf, workOf } from './compact.ts';
import { initialBits, type PowParams } from './params.ts';
import { retarget } from './retarget.ts';
import { timesAfter } from './times.ts';

type Moment = { readonly number: number; readonly timeMs: Millis };

/** What the engine keeps of each block above finality, and of the finalized one: a pure function of its branch. */
export type PowBlock = Moment & {
  readonly bits: number;
  /** Of the latest blocks up to this one, as many as the median is taken of, oldest first. */
  readonly times: readonly Millis[];
  /** From which block on the next change of difficulty measures. */
  readonly windowStart: Moment;
  /** Hashes that the branch took on average, from the first block on. */
  readonly totalWork: bigint;
};

export type PowTreeBlock = WeightedBlock<PowBlock>;

/** nBits of a child. Its number decides whether that is a change. */
export function nextBits(parent: PowBlock, params: PowParams): number {
  if ((parent.number + 1) % params.retargetBlocks !== 0) return parent.bits;
  const intervals = parent.number - parent.windowStart.number;
  if (intervals <= 0) return parent.bits;
  return retarget({
    bits: parent.bits,
    actual: parent.timeMs - parent.windowStart.timeMs,
    wanted: intervals * params.blockTimeMs,
    limit: POW_LIMIT,
  });
}

export function childBlock(parent: PowBlock, header: Pick<Header, 'number' | 'timeMs'>, params: PowParams): PowBlock {
  const { number, timeMs } = header;
  const bits = nextBits(parent, params);
  return {
    number,
    timeMs,
    bits,
    times: timesAfter(parent.times, timeMs),
    windowStart: windowStartAfter(parent, { number, timeMs }, params),
    totalWork: parent.totalWork + workOfBits(bits),
  };
}

/**
 * The last block of one window is the start of the next, so all time is measured. Genesis is not: its time is the
 * configuration's, and who knows when the first block was searched for.
 */
function windowStartAfter(parent: PowBlock, block: Moment, params: PowParams): Moment {
  if (parent.number === 0) return block;
  if (block.number % params.retargetBlocks !== 0) return parent.windowStart;
  return { number: parent.number, timeMs: parent.timeMs };
}

export function workOfBits(bits: number): bigint {
  return workOf(targetOf(bits) ?? POW_LIMIT);
}

/** The block the tree begins with. Throws CodecError ANCHOR_MALFORMED. */
export function rootBlock(
  start: { readonly finalized: Header; readonly anchor: Bytes | null },
  params: PowParams,
): PowBlock {
  const { number, timeMs } = start.finalized;
  if (start.anchor !== null) return { number, timeMs, ...decodeAnchor(start.anchor) };
  if (number !== 0) throw new CodecError('ANCHOR_MALFORMED', 'only the first block has no anchor');
  const windowStart = { number, timeMs };
  return { number, timeMs, bits: initialBits(params), times: timesAfter([], timeMs), windowStart, totalWork: 0n };
}

const ANCHOR_VERSION = 1;

/** RLP [version, nBits, times, number and time of the window's start, total work]. */
export function encodeAnchor(block: PowBlock): Bytes {
  const { bits, times, windowStart, totalWork } = block;
  return encodeRlp([
    encodeUint(ANCHOR_VERSION),
    encodeUint(bits),
    times.map((timeMs) => encodeUint(timeMs)),
    encodeUint(windowStart.number),
    encodeUint(windowStart.timeMs),
    encodeUint(totalWork),
  ]);
}

function decodeAnchor(bytes: Bytes): Omit<PowBlock, keyof Moment> {
  try {
    const reader = new RlpReader(bytes);
    const outer = reader.openList();
    if (reader.uint() !== ANCHOR_VERSION) throw new CodecError('ANCHOR_MALFORMED', 'of an unknown version');
    const bits = reader.uint();
    const times: Millis[] = [];
    const list = reader.openList();
    while (reader.hasMore()) times.push(reader.uint());
    reader.closeList(list);
    const windowStart = { number: reader.uint(), timeMs: reader.uint() };
    const totalWork = reader.bigint();
    reader.closeList(outer);
    reader.end();
    return { bits, times, windowStart, totalWork };
  } catch (error) {
    const reason = error instanceof CodecError ? error.code : 'INTERNAL';
    throw new CodecError('ANCHOR_MALFORMED', 'the anchor kept with the finalized block is unreadable', { reason });
  }
}
