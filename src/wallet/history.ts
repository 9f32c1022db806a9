import type { Hash } from '../types/primitives.ts';

/**
 * The complete strategy of EIP-3076: what a key has signed, of one kind, and what it may sign beside that. A vote for
 * finality goes from a source to a target; a block is kept as the vote from 0 to its slot, which makes the rules for blocks
 * (one for a slot, none at or below the lowest known) a case of those for votes.
 */
export type History = {
  /** The furthest source and the furthest target: the record of the minimal strategy, kept up in both strategies. */
  readonly top: Signed | null;
  /** What happened at or below is not all known: nothing is signed with an earlier source, or with a target up to it. */
  readonly floor: Bound | null;
  /** By target, ascending, one for each. May lie below the floor: then only to be signed again. */
  readonly entries: readonly Signed[];
};

export type Signed = {
  /** Epoch; 0 for a block. */
  readonly source: number;
  /** Epoch; the slot of a block. */
  readonly target: number;
  /** The digest that was signed; null: not known, so that whatever is to be signed there counts as something else. */
  readonly root: Hash | null;
};

export type Bound = { readonly source: number; readonly target: number };

export type HistoryRuling =
  /** The same words at the same place. */
  | { readonly kind: 'repeat' }
  /** Store this history, then sign. */
  | { readonly kind: 'advance'; readonly history: History }
  | { readonly kind: 'refuse'; readonly reason: string };

/** Entries that are kept, the newest by target. The floor is raised over those that go. */
export const HISTORY_ENTRIES_MAX = 4096;

/**
 * Closes the gap that signing under the minimal strategy leaves, which raises the furthest place and writes no history:
 * what was signed between the last entry and there is unknown, so the floor is put there.
 */
export function withoutGap(stored: History): History {
  const { top, floor, entries } = stored;
  const newest = entries.at(-1);
  if (top === null || (newest !== undefined && newest.target >= top.target)) return stored;
  return pruned({ top, floor: higher(floor, top), entries: top.root === null ? entries : [...entries, top] });
}

/** `history` has no gap. */
export function ruleOnHistory(history: History, asked: Signed): HistoryRuling {
  const { top, floor, entries } = history;
  for (const entry of entries) {
    if (entry.target === asked.target) {
      if (entry.source === asked.source && entry.root === asked.root) return { kind: 'repeat' };
      return { kind: 'refuse', reason: 'already signed something else here' };
    }
    if (surrounds(asked, entry)) return { kind: 'refuse', reason: 'surrounds an earlier vote' };
    if (surrounds(entry, asked)) return { kind: 'refuse', reason: 'is surrounded by an earlier vote' };
  }
  if (floor !== null && (asked.target <= floor.target || asked.source < floor.source)) {
    return { kind: 'refuse', reason: 'reaches back to where the record does not' };
  }
  const next = { top: raised(top, asked), floor: floor ?? boundOf(asked), entries: sorted([...entries, asked]) };
  return { kind: 'advance', history: pruned(next) };
}

export type Contradiction = {
  /** Two things for one target or slot; one vote around another; a vote whose source lies after its target. */
  readonly kind: 'double' | 'surround' | 'backwards';
  readonly incoming: Signed;
  /** In the history, or in what comes in. */
  readonly other: Signed;
};

/**
 * Where what comes in would have been punishable, beside the history or in itself. `trustsUnknown`: a root that is missing may be the one
 * that is known, so the two prove nothing; else it differs from every other.
 */
export function contradictionsIn(
  history: History,
  incoming: readonly Signed[],
  { trustsUnknown }: { readonly trustsUnknown: boolean },
): readonly Contradiction[] {
  const found: Contradiction[] = [];
  const news = newIn(history, incoming);
  const isNew = new Set(news);
  // The furthest source among earlier targets: whoever starts before it surrounds that vote.
  let furthest: Signed | null = null;
  let furthestNew: Signed | null = null;
  for (const group of byTarget([...history.entries, ...news])) {
    const double = doubleIn(group, isNew, trustsUnknown);
    if (double !== null) found.push(double);
    for (const item of group) {
      if (isNew.has(item)) {
        if (item.source > item.target) found.push({ kind: 'backwards', incoming: item, other: item });
        if (furthest !== null && item.source < furthest.source) {
          found.push({ kind: 'surround', incoming: item, other: furthest });
        }
      } else if (furthestNew !== null && item.source < furthestNew.source) {
        found.push({ kind: 'surround', incoming: furthestNew, other: item });
      }
    }
    for (const item of group) {
      if (furthest === null || item.source > furthest.source) furthest = item;
      if (isNew.has(item) && (furthestNew === null || item.source > furthestNew.source)) furthestNew = item;
    }
  }
  return found;
}

function doubleIn(group: readonly Signed[], isNew: ReadonlySet<Signed>, trustsUnknown: boolean): Contradiction | null {
  for (const incoming of group) {
    if (!isNew.has(incoming)) continue;
    const other = group.find((item) => {
      if (item === incoming || item.source !== incoming.source) return item !== incoming;
      return areKnown(item, incoming) || !trustsUnknown;
    });
    if (other !== undefined) return { kind: 'double', incoming, other };
  }
  return null;
}

function areKnown(a: Signed, b: Signed): boolean {
  return a.root !== null && b.root !== null;
}

/** Both histories, and no more freedom than either leaves: the floor is at least the lowest of what came in. */
export function merged(history: History, incoming: readonly Signed[]): History {
  if (incoming.length === 0) return history;
  const lowest = incoming.reduce<Bound>(lower, boundOf(incoming[0] as Signed));
  const entries = byTarget([...history.entries, ...newIn(history, incoming)]).map(onlyOne);
  const top = incoming.reduce<Signed | null>(raised, history.top);
  // What one side does not know the root of is not to be signed again under either strategy.
  const isUnknown = entries.some((item) => item.root === null && item.target === top?.target);
  return pruned({
    top: top !== null && isUnknown ? { ...top, root: null } : top,
    floor: higher(history.floor, lowest),
    entries,
  });
}

/** Of one target, which do not contradict each other: several differ only in that a root is missing. */
function onlyOne(group: readonly Signed[]): Signed {
  const [first] = group as readonly [Signed];
  return group.find(({ root }) => root === null) ?? first;
}

/** After a contradiction nothing counts but being above everything on either side. What the history held stays in it. */
export function raisedAbove(history: History, incoming: readonly Signed[]): History {
  const bound = [...history.entries, ...incoming].reduce<Bound | null>(higher, history.top && boundOf(history.top));
  if (bound === null) return history;
  const all = higher(history.floor, bound);
  return { ...history, top: { ...all, root: null }, floor: all };
}

/** The least that forbids whoever imports it all that `history` forbids: the furthest source and target. */
export function minimalOf({ top }: History): readonly Signed[] {
  return top === null ? [] : [top];
}

/**
 * What may be told of a history without its floor, which the format has no place for: whoever imports it takes the lowest
 * told for the floor. So what lies below stays out, and the floor itself stands as an entry.
 */
export function completeOf(history: History): readonly Signed[] {
  const { floor, entries } = withoutGap(history);
  if (floor === null) return minimalOf(history);
  const above = entries.filter(({ target }) => target > floor.target);
  // Only a history that contradicts itself has this; the furthest place is safe whatever it holds.
  if (above.some(({ source }) => source < floor.source)) return minimalOf(history);
  const known = entries.find(({ source, target }) => source === floor.source && target === floor.target);
  return [known ?? { ...floor, root: null }, ...above];
}

function surrounds(outer: Bound, inner: Bound): boolean {
  return outer.source < inner.source && inner.target < outer.target;
}

function boundOf({ source, target }: Bound): Bound {
  return { source, target };
}

function higher(a: Bound | null, b: Bound): Bound {
  if (a === null) return boundOf(b);
  return { source: Math.max(a.source, b.source), target: Math.max(a.target, b.target) };
}

function lower(a: Bound, b: Bound): Bound {
  return { source: Math.min(a.source, b.source), target: Math.min(a.target, b.target) };
}

/** The digest stays known where one statement reaches as far as all. */
function raised(top: Signed | null, by: Signed): Signed {
  if (top === null || (by.source >= top.source && by.target > top.target)) return by;
  if (by.source <= top.source && by.target <= top.target) return top;
  return { ...higher(top, by), root: null };
}

function pruned(history: History): History {
  const excess = history.entries.length - HISTORY_ENTRIES_MAX;
  if (excess <= 0) return history;
  const floor = history.entries.slice(0, excess).reduce<Bound | null>(higher, history.floor);
  return { ...history, floor, entries: history.entries.slice(excess) };
}

function sorted(entries: Signed[]): readonly Signed[] {
  return entries.sort((a, b) => a.target - b.target || a.source - b.source);
}

/** Each once, without what the history holds. */
function newIn({ entries }: History, incoming: readonly Signed[]): readonly Signed[] {
  const textOf = ({ source, target, root }: Signed): string => `${source}/${target}/${root ?? ''}`;
  const known = new Set(entries.map(textOf));
  return incoming.filter((item) => {
    const text = textOf(item);
    return !known.has(text) && known.add(text) !== undefined;
  });
}

function byTarget(entries: Signed[]): readonly (readonly Signed[])[] {
  const groups: Signed[][] = [];
  for (const entry of sorted(entries)) {
    const last = groups.at(-1);
    if (last?.[0]?.target === entry.target) last.push(entry);
    else groups.push([entry]);
  }
  return groups;
}
