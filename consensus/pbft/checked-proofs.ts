import type { SignedMessage } from '../../src/types/message.ts';
import type { Address, Bytes } from '../../src/types/primitives.ts';
import { bytesEqual } from '../../src/util/hex.ts';
import type { CertificateMessage, NewView } from './messages.ts';

/** Proofs remembered of one validator: the latest. Honest ones send no more than two in a view. */
export const PROOFS_PER_VALIDATOR_MAX = 16;

type Proof = CertificateMessage | NewView;
type Checked = {
  readonly kind: Proof['kind'];
  readonly view: number;
  readonly payload: Bytes;
  readonly fault: string | null;
};

/**
 * What was found of the CERTIFICATEs and NEW-VIEWs of one height. Each costs a quorum of signatures, and a validator can make
 * as many as there are ways to choose a quorum; so it has one for each place, and none after a false one.
 */
export class CheckedProofs {
  readonly #checked = new Map<Address, Checked[]>();

  /** What is wrong with it, by `check` unless these very bytes of this sender are known. */
  fault(message: SignedMessage, proof: Proof, check: () => string | null): string | null {
    const known = this.#find(message);
    if (known !== undefined) return known.fault;
    const { kind, view } = proof;
    const checked = { kind, view, payload: message.payload, fault: check() };
    const all = [...(this.#checked.get(message.from) ?? []), checked];
    this.#checked.set(message.from, all.slice(-PROOFS_PER_VALIDATOR_MAX));
    return checked.fault;
  }

  /** Not known, and not worth a check: its sender sent another one for this place, or one that was false. */
  isSpent(message: SignedMessage, { kind, view }: Proof): boolean {
    if (this.#find(message) !== undefined) return false;
    const all = this.#checked.get(message.from) ?? [];
    return all.some((known) => known.fault !== null || (known.kind === kind && known.view === view));
  }

  #find({ from, payload }: SignedMessage): Checked | undefined {
    return this.#checked.get(from)?.find((known) => bytesEqual(known.payload, payload));
  }
}
