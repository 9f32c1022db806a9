import type { GuardStore, GuardWrite } from '../ports/stores.ts';
import type { Address, Hash } from '../types/primitives.ts';
import { ParleyError } from '../util/errors.ts';
import { completeOf, contradictionsIn, merged, minimalOf, raisedAbove, withoutGap } from './history.ts';
import type { Contradiction, History, Signed } from './history.ts';
import { HistoryStore, isOfHistory, TRACKS, type Track } from './history-store.ts';
import type { Interchange, SignedBy } from './interchange.ts';
import type { GuardStrategy } from './local-signer.ts';

/** Slots or epochs. */
const FAR = 2 ** 32;

/** What leaves a guard's store for another, and what comes in. To be called while no signer uses the store. */

export type ProtectionExport = {
  readonly interchange: Interchange;
  /** Records of guards that EIP-3076 does not know (round-based votes, seals of authorities): they stay behind. */
  readonly otherRecords: number;
};

/** `address`: only this one. `minimal`: the furthest of each kind instead of all that is known. Throws GUARD_DAMAGED. */
export async function exportProtection(
  store: GuardStore,
  options: { readonly genesisHash: Hash; readonly address: Address | null; readonly strategy: GuardStrategy },
): Promise<ProtectionExport> {
  const { genesisHash, strategy } = options;
  const named = (await store.list(`${genesisHash}/`)).map(({ key }) => key.slice(genesisHash.length + 1));
  const wanted = named.filter((name) => options.address === null || name.startsWith(`${options.address}/`));
  const told = strategy === 'minimal' ? minimalOf : completeOf;
  const validators: SignedBy[] = [];
  for (const address of new Set(wanted.map((name) => name.slice(0, name.indexOf('/')) as Address))) {
    const histories = new HistoryStore({ genesisHash, address }, { store });
    const blocks = told(await histories.read('blocks'));
    const votes = told(await histories.read('votes'));
    if (blocks.length > 0 || votes.length > 0) validators.push({ address, blocks, votes });
  }
  const otherRecords = wanted.filter((name) => !isOfHistory(name.slice(name.indexOf('/') + 1))).length;
  return { interchange: { genesisHash, validators }, otherRecords };
}

export type Conflict = Contradiction & { readonly address: Address; readonly track: Track };

/**
 * Takes in what an interchange tells, in one batch, so that whatever signs from this store next, under either strategy, is bound by
 * both. Throws INTERCHANGE_CONTRADICTS, having written nothing, when what it tells could not have been signed beside what
 * the store holds or beside itself; with `acceptConflicts` the validator's bounds go above both sides instead. Throws INTERCHANGE_FAR, unless
 * conflicts are accepted, where it reaches so far that the key could never sign again. Returns the conflicts.
 */
export async function importProtection(
  store: GuardStore,
  interchange: Interchange,
  options: { readonly acceptConflicts: boolean },
): Promise<readonly Conflict[]> {
  const { genesisHash, validators } = interchange;
  const conflicts: Conflict[] = [];
  const writes: GuardWrite[] = [];
  for (const signed of validators) {
    const { address } = signed;
    const histories = new HistoryStore({ genesisHash, address }, { store });
    for (const track of TRACKS) {
      const stored = await histories.read(track);
      const history = withoutGap(stored);
      if (!options.acceptConflicts) refuseFar(signed[track], history, { address, track });
      // Clients that leave out the roots of votes are many. Of blocks the format's own tests ask for the strict reading.
      const found = contradictionsIn(history, signed[track], { trustsUnknown: track === 'votes' });
      for (const contradiction of found) conflicts.push({ ...contradiction, address, track });
      const after = found.length === 0 ? merged(history, signed[track]) : raisedAbove(history, signed[track]);
      for (const write of histories.writes(track, stored, after)) writes.push(write);
    }
  }
  if (conflicts.length > 0 && !options.acceptConflicts) throw contradicts(conflicts);
  if (writes.length > 0) await store.putAll(writes);
  return conflicts;
}

/** There is no clock here; from what the store knows, so far is more than a century, whatever a slot lasts. */
function refuseFar(
  incoming: readonly Signed[],
  { top }: History,
  of: { readonly address: Address; readonly track: Track },
): void {
  const known = top === null ? 0 : Math.max(top.source, top.target);
  const far = incoming.find(({ source, target }) => Math.max(source, target) - known > FAR);
  if (far === undefined) return;
  const place = of.track === 'blocks' ? `a block for slot ${far.target}` : `a vote ${far.source} → ${far.target}`;
  const message =
    `the interchange file has ${place} of ${of.address}, so far ahead that the key could hardly sign again; nothing was written. ` +
    'Find out whether that is right; --accept-conflicts takes it in';
  throw new ParleyError('INTERCHANGE_FAR', message, { ...of, source: far.source, target: far.target });
}

/** One clause for people: who, what and where. */
export function conflictText({ address, track, kind, incoming, other }: Conflict): string {
  if (track === 'blocks') return `${address} has two blocks for slot ${incoming.target}`;
  const [a, b] = [incoming, other].map(({ source, target }) => `${source} → ${target}`);
  if (kind === 'backwards') return `${address} has a vote whose source lies after its target, ${a}`;
  return `${address} has ${kind === 'double' ? 'two votes for one target' : 'one vote around another'}, ${a} in the file and ${b}`;
}

function contradicts(conflicts: readonly Conflict[]): ParleyError {
  const first = conflicts[0] as Conflict;
  const more = conflicts.length === 1 ? '' : ` (and ${conflicts.length - 1} more)`;
  const message =
    `the interchange file contradicts what this validator has signed, or itself: ${conflictText(first)}${more}; nothing was written. ` +
    'Find out which record is right; --accept-conflicts raises the bounds above both';
  const { address, track, kind, incoming, other } = first;
  return new ParleyError('INTERCHANGE_CONTRADICTS', message, {
    address,
    track,
    kind,
    incoming: { ...incoming },
    other: { ...other },
    count: conflicts.length,
  });
}
