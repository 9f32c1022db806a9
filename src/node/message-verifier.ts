import { encodeMessage, messageSigner, type MessageContext } from '../codec/message.ts';
import { keccak256 } from '../crypto/keccak.ts';
import type { SignedMessage } from '../types/message.ts';
import type { Hash } from '../types/primitives.ts';
import { Lru } from '../util/lru.ts';

export const VERIFIED_MESSAGES_MAX = 8192;

/** Checks envelopes once: a vote heard by gossip and met again in a block costs one recovery, not two. */
export class MessageVerifier {
  readonly #context: MessageContext;
  readonly #verified = new Lru<Hash, true>(VERIFIED_MESSAGES_MAX);

  constructor(context: MessageContext) {
    this.#context = context;
  }

  verify(message: SignedMessage): boolean {
    const id = keccak256(encodeMessage(message));
    if (this.#verified.get(id) === true) return true;
    if (messageSigner(this.#context, message) === null) return false;
    this.#verified.set(id, true);
    return true;
  }
}
