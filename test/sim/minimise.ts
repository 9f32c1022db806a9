import { drawScenario, partsOf, type Part } from './scenario.ts';
import { simulate, type SimOptions, type SimReport } from './simulate.ts';

export const RERUNS_MAX = 60;

export type Minimised = { readonly parts: readonly Part[]; readonly partsBefore: number; readonly reruns: number };

/**
 * Delta debugging (Zeller & Hildebrandt's ddmin) over the parts of a scenario: faults, clients and adversaries that the
 * failure does not need are left out. A smaller run counts when it violates what the first violation was about.
 */
export async function minimise(options: SimOptions, report: SimReport): Promise<Minimised> {
  const { tell: _, keep, ...quiet } = options;
  const all = partsOf(await drawScenario(quiet));
  const code = report.violations[0]?.code;
  let reruns = 0;
  const fails = async (indices: readonly number[]): Promise<boolean> => {
    reruns++;
    const { violations } = await simulate({ ...quiet, keep: indices, stopsAtViolation: true });
    return violations.some((violation) => violation.code === code);
  };
  const indices = keep ?? all.map(({ index }) => index);
  const left = await ddmin(indices, fails, () => reruns < RERUNS_MAX);
  return { parts: all.filter(({ index }) => left.includes(index)), partsBefore: indices.length, reruns };
}

/** The least set found, by leaving out ever smaller pieces, that still fails. */
export async function ddmin(
  items: readonly number[],
  fails: (items: readonly number[]) => Promise<boolean>,
  mayGoOn: () => boolean,
): Promise<readonly number[]> {
  if (await fails([])) return [];
  let left = items;
  for (let pieces = 2; left.length > 1 && mayGoOn();) {
    const smaller = await smallerOne(left, pieces, fails, mayGoOn);
    if (smaller !== null) {
      left = smaller;
      pieces = Math.max(2, Math.min(pieces - 1, left.length));
    } else if (pieces >= left.length) break;
    else pieces = Math.min(pieces * 2, left.length);
  }
  return left;
}

async function smallerOne(
  items: readonly number[],
  pieces: number,
  fails: (items: readonly number[]) => Promise<boolean>,
  mayGoOn: () => boolean,
): Promise<readonly number[] | null> {
  const size = Math.ceil(items.length / pieces);
  for (let start = 0; start < items.length && mayGoOn(); start += size) {
    const rest = [...items.slice(0, start), ...items.slice(start + size)];
    if (await fails(rest)) return rest;
  }
  return null;
}
