import type { SignedMessage } from '../../src/types/message.ts';
import type { Address, Signature } from '../../src/types/primitives.ts';
import { assert } from '../../src/util/assert.ts';
import { bytesEqual } from '../../src/util/hex.ts';
import type { EngineEffect } from '../api/effect.ts';
import { decodeStatement, encodeStatement, guardOf, stepOf, type Statement } from './messages.ts';
import type { Said } from './saved.ts';

/** What a validator says and must not contradict. */
type OwnStatement = Exclude<Statement, { kind: 'status' }>;
type Kind = OwnStatement['kind'];
type Word = { readonly statement: OwnStatement; readonly payload: Uint8Array; signature: Signature | null };

/**
 * This validator's own statements at one height: the newest of each kind, as the next height has no use for older ones.
 * They only go forward, from place to place as the signer's guard counts them.
 */
export class OwnWords {
  readonly #self: Address;
  readonly #words = new Map<Kind, Word>();
  /** Something was said that is not saved yet. */
  isDirty = false;

  constructor(self: Address, said: readonly Said[]) {
    this.#self = self;
    for (const { payload, signature } of said) {
      const statement = decodeStatement(payload);
      assert(statement !== null && statement.kind !== 'status', 'what was saved was said');
      this.#words.set(statement.kind, { statement, payload, signature });
    }
  }

  /** To be saved. */
  list(): readonly Said[] {
    return [...this.#words.values()].map(({ payload, signature }) => ({ payload, signature }));
  }

  /** Those that came back: what everybody else counts, this node counts as well. */
  signed(): readonly SignedMessage[] {
    return [...this.#words.values()].flatMap((word) => signedOf(this.#self, word) ?? []);
  }

  newestView(kind: Kind): number {
    return this.#words.get(kind)?.statement.view ?? -1;
  }

  /** Says it, unless this place or a later one is taken. To be saved in the same step. */
  say(statement: OwnStatement): EngineEffect[] {
    if (!this.#isNext(statement)) return [];
    const payload = encodeStatement(statement);
    this.#words.set(statement.kind, { statement, payload, signature: null });
    this.isDirty = true;
    return [{ type: 'cast', payload, guard: guardOf(statement) }];
  }

  /**
   * Signed with our key: ours coming back, or, where we know nothing of it, said by a copy of this node or before its
   * memory was lost. Then it is taken for ours, so that we do not contradict it.
   */
  heard(message: SignedMessage, statement: Statement): void {
    if (statement.kind === 'status') return;
    const word = this.#words.get(statement.kind);
    if (word !== undefined && bytesEqual(word.payload, message.payload)) word.signature = message.signature;
    else if (this.#isNext(statement)) {
      this.#words.set(statement.kind, { statement, payload: message.payload, signature: message.signature });
    }
  }

  /**
   * Once more, what `isWanted` of it. The last word is signed anew if its signature never came back, which gives the same
   * one; the signer may be past the others.
   */
  repeat(isWanted: (statement: OwnStatement) => boolean): EngineEffect[] {
    return [...this.#words.values()].flatMap((word): EngineEffect[] => {
      const { statement, payload } = word;
      if (!isWanted(statement)) return [];
      const message = signedOf(this.#self, word);
      if (message !== null) return [{ type: 'recast', message }];
      return this.#isLast(statement) ? [{ type: 'cast', payload, guard: guardOf(statement) }] : [];
    });
  }

  #isNext(statement: OwnStatement): boolean {
    return this.#words.get(statement.kind)?.statement.view !== statement.view && this.#isLast(statement);
  }

  /** Nothing was said in a later place. */
  #isLast(statement: OwnStatement): boolean {
    // Certificates stand in places of their own.
    if (statement.kind === 'certificate') return statement.view >= this.newestView('certificate');
    const place = placeOf(statement);
    return [...this.#words.values()].every(
      ({ statement: said }) => said.kind === 'certificate' || placeOf(said) <= place,
    );
  }
}

function placeOf({ kind, view }: Exclude<OwnStatement, { kind: 'certificate' }>): number {
  return view * 5 + stepOf(kind);
}

function signedOf(from: Address, { payload, signature }: Word): SignedMessage | null {
  return signature === null ? null : { from, payload, signature };
}
