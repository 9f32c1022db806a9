import { encodeRlp, encodeUint, type RlpItem } from '../../src/codec/rlp.ts';
import { RlpReader } from '../../src/codec/rlp-reader.ts';
import type { Address, Bytes, Hash, Millis, Signature } from '../../src/types/primitives.ts';
import { unreachable } from '../../src/util/assert.ts';
import { CodecError } from '../../src/util/errors.ts';
import { fromHex } from '../../src/util/hex.ts';
import type { Guard } from '../api/effect.ts';
import { readList } from '../common/ffg-codec.ts';

/** A block in a view: what a validator says that it has prepared. */
export type Claim = { readonly view: number; readonly hash: Hash };

export type SignedBy = { readonly from: Address; readonly signature: Signature };

/**
 * Proof that a quorum has prepared a block: the primary's signature of its PRE-PREPARE, everybody else's of their
 * PREPARE. Signers ascend by address.
 */
export type Certificate = Claim & { readonly signers: readonly SignedBy[] };

/** A VIEW-CHANGE inside a NEW-VIEW, whose height and view it shares. */
export type SignedChange = SignedBy & { readonly prepared: Claim | null };

export type ViewChange = {
  readonly kind: 'view-change';
  readonly height: number;
  readonly view: number;
  readonly prepared: Claim | null;
};
export type NewView = {
  readonly kind: 'new-view';
  readonly height: number;
  readonly view: number;
  /** Signers ascend by address. */
  readonly changes: readonly SignedChange[];
  /** null: nothing was prepared before. */
  readonly certificate: Certificate | null;
};
/** A vote for a block in a view. */
export type BlockVote = {
  readonly kind: 'pre-prepare' | 'prepare' | 'commit';
  readonly height: number;
  readonly view: number;
  readonly hash: Hash;
};
/** The proof that a VIEW-CHANGE claims to have; apart, so that NEW-VIEW stays small. `view` is the certificate's. */
export type CertificateMessage = {
  readonly kind: 'certificate';
  readonly height: number;
  readonly view: number;
  readonly certificate: Certificate;
};
/** "I am here": asks (or answers) those who are further to say again what they said. */
export type Status = {
  readonly kind: 'status';
  readonly height: number;
  readonly view: number;
  /** Tells repetitions apart, which gossip would drop as known. */
  readonly now: Millis;
  readonly asks: boolean;
};

/** What is held against each other. */
export type Vote = ViewChange | BlockVote;
export type Statement = Vote | NewView | CertificateMessage | Status;

/** First item on the wire; of the first five, less one, it is also the step of the guard. Never given a new meaning. */
const KIND_NUMBERS = {
  'view-change': 1,
  'new-view': 2,
  'pre-prepare': 3,
  prepare: 4,
  commit: 5,
  certificate: 6,
  status: 7,
} as const satisfies { readonly [kind in Statement['kind']]: number };

const SIGNATURE_SIZE_BYTES = 65;

/**
 * VIEW-CHANGE [1, height, view, claim], NEW-VIEW [2, height, view, [[address, claim, signature] …], certificate],
 * PRE-PREPARE, PREPARE and COMMIT [3 | 4 | 5, height, view, hash], CERTIFICATE [6, height, certificate], STATUS [7, height,
 * view, now, 0 | 1]. A claim is [view, hash], a certificate [view, hash, [[address, signature] …]]; either is [] for none.
 */
export function encodeStatement(statement: Statement): Bytes {
  return encodeRlp([encodeUint(KIND_NUMBERS[statement.kind]), encodeUint(statement.height), ...fieldsToRlp(statement)]);
}

function fieldsToRlp(statement: Statement): readonly RlpItem[] {
  switch (statement.kind) {
    case 'view-change':
      return [encodeUint(statement.view), claimToRlp(statement.prepared)];
    case 'new-view':
      return [
        encodeUint(statement.view),
        statement.changes.map((change) => [fromHex(change.from), claimToRlp(change.prepared), change.signature]),
        certificateToRlp(statement.certificate),
      ];
    case 'pre-prepare':
    case 'prepare':
    case 'commit':
      return [encodeUint(statement.view), fromHex(statement.hash)];
    case 'certificate':
      return [certificateToRlp(statement.certificate)];
    case 'status':
      return [encodeUint(statement.view), encodeUint(statement.now), encodeUint(statement.asks ? 1 : 0)];
    default:
      return unreachable(statement);
  }
}

/** null for anything that is not a well-formed statement about a height above genesis. */
export function decodeStatement(payload: Bytes): Statement | null {
  try {
    const reader = new RlpReader(payload);
    const outer = reader.openList();
    const number = reader.uint();
    const height = reader.uint();
    const statement = readFields(reader, number, height);
    reader.closeList(outer);
    reader.end();
    return height > 0 && isSound(statement) ? statement : null;
  } catch {
    return null;
  }
}

function readFields(reader: RlpReader, number: number, height: number): Statement {
  switch (number) {
    case KIND_NUMBERS['view-change']:
      return { kind: 'view-change', height, view: reader.uint(), prepared: readClaim(reader) };
    case KIND_NUMBERS['new-view']:
      return {
        kind: 'new-view',
        height,
        view: reader.uint(),
        changes: readList(reader, readChange),
        certificate: readCertificate(reader),
      };
    case KIND_NUMBERS['pre-prepare']:
      return { kind: 'pre-prepare', height, view: reader.uint(), hash: reader.hash() };
    case KIND_NUMBERS.prepare:
      return { kind: 'prepare', height, view: reader.uint(), hash: reader.hash() };
    case KIND_NUMBERS.commit:
      return { kind: 'commit', height, view: reader.uint(), hash: reader.hash() };
    case KIND_NUMBERS.certificate: {
      const certificate = readCertificate(reader);
      if (certificate === null) throw malformed('a certificate is missing');
      return { kind: 'certificate', height, view: certificate.view, certificate };
    }
    case KIND_NUMBERS.status:
      return { kind: 'status', height, view: reader.uint(), now: reader.uint(), asks: reader.bit() === 1 };
    default:
      throw malformed(`unknown kind of statement: ${number}`);
  }
}

/** View 0 needs no change, what is claimed lies before the view that is wanted, and nobody speaks twice. */
function isSound(statement: Statement): boolean {
  switch (statement.kind) {
    case 'view-change':
      return statement.view > 0 && (statement.prepared?.view ?? -1) < statement.view;
    case 'new-view':
      return (
        [statement.certificate, ...statement.changes.map(({ prepared }) => prepared)].every(
          (claim) => (claim?.view ?? -1) < statement.view,
        ) &&
        statement.view > 0 &&
        isAscending(statement.changes) &&
        isAscending(statement.certificate?.signers ?? [])
      );
    case 'certificate':
      return isAscending(statement.certificate.signers);
    case 'pre-prepare':
    case 'prepare':
    case 'commit':
    case 'status':
      return true;
    default:
      return unreachable(statement);
  }
}

export function isAscending(signers: readonly SignedBy[]): boolean {
  return signers.every(({ from }, i) => i === 0 || (signers[i - 1]?.from ?? from) < from);
}

export function sameClaim(a: Claim | null, b: Claim | null): boolean {
  return a?.view === b?.view && a?.hash === b?.hash;
}

/** The place in which a validator says this at most once, and what the signer must know of it. */
export function guardOf(statement: Statement): Guard {
  const { kind, height } = statement;
  switch (kind) {
    case 'status':
      return { kind: 'once', domain: 'pbft-status', height: statement.now, round: 0, step: 0 };
    case 'certificate':
      return { kind: 'once', domain: 'pbft-certificate', height, round: statement.view, step: 0 };
    case 'view-change':
      return bftGuard(statement, statement.prepared?.view ?? -1);
    case 'commit':
      return bftGuard(statement, statement.view);
    case 'new-view':
    case 'pre-prepare':
    case 'prepare':
      return bftGuard(statement, null);
    default:
      return unreachable(kind);
  }
}

function bftGuard({ kind, height, view }: Vote | NewView, lock: number | null): Guard {
  return { kind: 'bft', height, round: view, step: stepOf(kind), lock };
}

export function stepOf(kind: Vote['kind'] | NewView['kind']): number {
  return KIND_NUMBERS[kind] - 1;
}

export function certificateToRlp(certificate: Certificate | null): RlpItem {
  if (certificate === null) return [];
  const { view, hash, signers } = certificate;
  return [encodeUint(view), fromHex(hash), signers.map(({ from, signature }) => [fromHex(from), signature])];
}

/** null for []. */
export function readCertificate(reader: RlpReader): Certificate | null {
  const outer = reader.openList();
  const certificate = reader.hasMore()
    ? { view: reader.uint(), hash: reader.hash(), signers: readList(reader, readSigner) }
    : null;
  reader.closeList(outer);
  return certificate;
}

export function readSigner(reader: RlpReader): SignedBy {
  const outer = reader.openList();
  const signer = { from: reader.address(), signature: readSignature(reader) };
  reader.closeList(outer);
  return signer;
}

function readChange(reader: RlpReader): SignedChange {
  const outer = reader.openList();
  const from = reader.address();
  const prepared = readClaim(reader);
  const signature = readSignature(reader);
  reader.closeList(outer);
  return { from, prepared, signature };
}

function claimToRlp(claim: Claim | null): RlpItem {
  return claim === null ? [] : [encodeUint(claim.view), fromHex(claim.hash)];
}

function readClaim(reader: RlpReader): Claim | null {
  const outer = reader.openList();
  const claim = reader.hasMore() ? { view: reader.uint(), hash: reader.hash() } : null;
  reader.closeList(outer);
  return claim;
}

function readSignature(reader: RlpReader): Signature {
  const signature = reader.ownBytes(SIGNATURE_SIZE_BYTES);
  if (signature.length === SIGNATURE_SIZE_BYTES) return signature;
  throw malformed('a signature has 65 bytes');
}

function malformed(reason: string): CodecError {
  return new CodecError('STATEMENT_MALFORMED', reason);
}
