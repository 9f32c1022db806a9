import type { EngineTesting } from '../../consensus/api/testing.ts';
import { encodeMessage, messageDigest, type MessageContext } from '../../src/codec/message.ts';
import { addressOf, signDigest } from '../../src/crypto/secp256k1.ts';
import type { Timers } from '../../src/ports/clock.ts';
import type { GossipTopic, RequestProtocol } from '../../src/ports/network.ts';
import type { Address, Bytes, Hash, Millis, PeerId } from '../../src/types/primitives.ts';
import type { Rng } from '../../src/util/rng.ts';

/** What an adversary's process has at hand: the wire, its key, and what is known of the engine. */
export type VoiceModules = {
  /** To all peers, or to some. */
  readonly say: (topic: GossipTopic, data: Bytes, to?: readonly PeerId[]) => void;
  /** The answer is of no interest. */
  readonly ask: (peer: PeerId, protocol: RequestProtocol, payload: Bytes) => void;
  readonly peers: () => readonly PeerId[];
  readonly timers: Timers;
  readonly rng: Rng;
  readonly key: VoiceKey;
  readonly testing: EngineTesting;
  readonly usesWork: boolean;
  /** Nothing is held back for longer. */
  readonly holdMsMax: Millis;
};

/** Stands between an adversary's node, which is honest in itself, and the wire. */
export interface Voice {
  /** The node wants this said. */
  publish(topic: GossipTopic, data: Bytes): void;
  heard(topic: GossipTopic, data: Bytes): void;
  /** It has something to hide now: it answers nobody and tells nobody its status. */
  readonly isHiding: boolean;
  /** What it says of itself instead of the truth. */
  status?(truth: Bytes): Bytes;
  /** Answers a question in the node's place, which would say the truth. */
  answer?(protocol: RequestProtocol, payload: Bytes, from: PeerId, truth: () => Promise<Bytes>): Promise<Bytes>;
}

export type VoiceMaker = (
  modules: Omit<VoiceModules, 'key' | 'testing' | 'usesWork' | 'holdMsMax'>,
  genesisHash: Hash,
) => Voice;

const MESSAGE_TAG = 0;

/** A validator's key, and no guard. */
export class VoiceKey {
  readonly address: Address;
  readonly #context: MessageContext;
  readonly #privateKey: Bytes;

  constructor(privateKey: Bytes, context: MessageContext) {
    this.address = addressOf(privateKey);
    this.#privateKey = privateKey;
    this.#context = context;
  }

  /** The payload as a message of this validator, ready for the consensus topic. */
  message(payload: Bytes): Bytes {
    const signature = this.sign(messageDigest(this.#context, payload));
    return Buffer.concat([Buffer.of(MESSAGE_TAG), encodeMessage({ from: this.address, payload, signature })]);
  }

  sign(digest: Hash): Bytes {
    return signDigest(digest, this.#privateKey);
  }
}

/** The bytes of a message of the consensus topic; null for evidence. */
export function messageIn(topic: GossipTopic, data: Bytes): Bytes | null {
  return topic === 'consensus' && data[0] === MESSAGE_TAG ? data.subarray(1) : null;
}
