/** Bitcoin's nMedianTimeSpan. */
const MEDIAN_BLOCKS = 11;

/** Times of a block's latest ancestors and its own, oldest first: as many as the median is taken of. */
export function timesAfter(times: readonly number[], timeMs: number): readonly number[] {
  return [...times, timeMs].slice(-MEDIAN_BLOCKS);
}

/** Median time past (BIP 113): a child's time must be greater. Of an even number the later of the two in the middle. */
export function medianTime(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
