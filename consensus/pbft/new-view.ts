import { MESSAGE_SIZE_BYTES_MAX } from '../../src/types/message.ts';
import type { Address } from '../../src/types/primitives.ts';
import type { ValidatorSet } from '../../src/types/validator.ts';
import type { EngineCrypto } from '../api/engine.ts';
import { hasQuorum } from '../common/quorum.ts';
import { preparedFault } from './certificate.ts';
import {
  encodeStatement,
  sameClaim,
  type Certificate,
  type Claim,
  type NewView,
  type SignedChange,
} from './messages.ts';

/** Room for the envelope around a NEW-VIEW. */
const ENVELOPE_SIZE_BYTES = 256;

export type NewViewFault =
  | 'CHANGES_TOO_FEW'
  | 'CLAIM_UNPROVEN'
  | 'CHANGE_UNKNOWN'
  | 'CHANGE_FORGED'
  | 'CERTIFICATE_FALSE';

/**
 * Whether a VIEW-CHANGE may be counted by one who knows `best`, the highest prepared certificate: claims below it need no
 * proof, since the block of `best` is what must be proposed whether they are true or not.
 */
export function isCovered(claim: Claim | null, best: Certificate | null): boolean {
  if (claim === null) return true;
  return best !== null && (claim.view < best.view || sameClaim(claim, best));
}

/** The NEW-VIEW that these changes, all of them covered by `best`, make; null while they are too few. */
export function composeNewView(
  validators: ValidatorSet,
  place: { readonly height: number; readonly view: number },
  changes: readonly SignedChange[],
  best: Certificate | null,
): NewView | null {
  // The highest claims first, then no more than it takes.
  const rank = ({ prepared }: SignedChange): number => prepared?.view ?? -1;
  const sorted = changes.toSorted((a, b) => rank(b) - rank(a) || (a.from < b.from ? -1 : 1));
  const chosen: SignedChange[] = [];
  const isEnough = (): boolean => hasQuorum(validators, (address) => chosen.some(({ from }) => from === address));
  for (const change of sorted) {
    if (isEnough()) break;
    chosen.push(change);
  }
  if (!isEnough()) return null;
  chosen.sort((a, b) => (a.from < b.from ? -1 : 1));
  const newView: NewView = { kind: 'new-view', ...place, changes: chosen, certificate: best };
  return encodeStatement(newView).length + ENVELOPE_SIZE_BYTES <= MESSAGE_SIZE_BYTES_MAX ? newView : null;
}

/**
 * What is wrong with a NEW-VIEW; null: a quorum wanted this view, and the block of its certificate (or any, if there is
 * none) may be proposed in it. `primaryOf` a view of this height.
 */
export function newViewFault(
  validators: ValidatorSet,
  newView: NewView,
  primaryOf: (view: number) => Address | null,
  crypto: EngineCrypto,
): NewViewFault | null {
  const { height, view, changes, certificate } = newView;
  const known = new Set(validators.map(({ address }) => address));
  if (changes.some(({ from }) => !known.has(from))) return 'CHANGE_UNKNOWN';
  const named = new Set(changes.map(({ from }) => from));
  if (!hasQuorum(validators, (address) => named.has(address))) return 'CHANGES_TOO_FEW';
  if (!changes.every(({ prepared }) => isCovered(prepared, certificate))) return 'CLAIM_UNPROVEN';
  const isSigned = ({ from, prepared, signature }: SignedChange): boolean => {
    const payload = encodeStatement({ kind: 'view-change', height, view, prepared });
    return crypto.recover(crypto.messageDigest(payload), signature) === from;
  };
  if (!changes.every(isSigned)) return 'CHANGE_FORGED';
  if (certificate === null) return null;
  const fault = preparedFault(validators, height, certificate, primaryOf(certificate.view), crypto);
  return fault === null ? null : 'CERTIFICATE_FALSE';
}
