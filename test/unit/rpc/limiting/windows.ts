import type { Micros } from '../../../../rpc/limiting/algorithm.ts';

/** An admitted message. */
export type Admitted = { readonly at: Micros; readonly weight: number };

/**
 * The most by which any window exceeds `allowed(lengthUs)`, in the unit of `weight × scale`; not above 0 when the bound holds. Every pair of
 * first and last message is a window, both ends included; `scale` keeps numbers whole.
 */
export function worstExcess(
  admitted: readonly Admitted[],
  scale: number,
  allowed: (lengthUs: Micros) => number,
): number {
  const sorted = [...admitted].sort((a, b) => a.at - b.at);
  let worst = -Infinity;
  for (let first = 0; first < sorted.length; first++) {
    let sum = 0;
    for (let last = first; last < sorted.length; last++) {
      sum += (sorted[last]?.weight ?? 0) * scale;
      const lengthUs = (sorted[last]?.at ?? 0) - (sorted[first]?.at ?? 0);
      worst = Math.max(worst, sum - allowed(lengthUs));
    }
  }
  return worst;
}
