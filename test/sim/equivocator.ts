import type { SeenBlock } from '../../consensus/api/testing.ts';
import { decodeBlockWithProof, encodeBlockWithProof, headerHash, sealHash } from '../../src/codec/block.ts';
import { decodeMessage } from '../../src/codec/message.ts';
import { recoverAddress } from '../../src/crypto/secp256k1.ts';
import type { GossipTopic } from '../../src/ports/network.ts';
import type { Block } from '../../src/types/block.ts';
import type { Bytes, Hash, Millis, PeerId } from '../../src/types/primitives.ts';
import { fromHex } from '../../src/util/hex.ts';
import { messageIn, type Voice, type VoiceModules } from './voice.ts';

const BLOCKS_KEPT_MAX = 16;
/** Its first lie costs it its place: half of them wait for worse weather. */
const HONEST_MS_MAX: Millis = 40_000;

/**
 * Says one thing to one half of its peers and another to the rest: two blocks where it may make one, and of each message a
 * second one that contradicts it. Knows no engine: it puts another block's hash where one is, or takes what the engine's
 * author holds for a lie, and keeps what reads as a contradiction.
 */
export class Equivocator implements Voice {
  readonly isHiding = false;
  readonly #modules: VoiceModules;
  readonly #seen = new Map<Hash, SeenBlock>();
  /** Of a block that it made twice: the other one. */
  readonly #twins = new Map<Hash, Hash>();
  readonly #sides = new Map<PeerId, boolean>();
  #isLying: boolean;

  constructor(modules: VoiceModules) {
    const { rng, timers } = modules;
    this.#modules = modules;
    this.#isLying = rng.chance(0.5);
    timers.after(rng.between(0, HONEST_MS_MAX), () => (this.#isLying = true));
  }

  publish(topic: GossipTopic, data: Bytes): void {
    const { say } = this.#modules;
    const lie = topic === 'block' ? this.#otherBlock(data) : this.#otherMessage(messageIn(topic, data));
    if (lie === null || !this.#isLying) return say(topic, data);
    const [here, there] = this.#halves();
    say(topic, data, here);
    say(topic, lie, there);
  }

  heard(topic: GossipTopic, data: Bytes): void {
    if (topic === 'block') this.#see(decodeBlockWithProof(data).block);
  }

  #see({ header }: Block): Hash {
    const hash = headerHash(header);
    const parent = this.#seen.get(header.parentHash);
    this.#seen.set(hash, { hash, number: header.number, parent });
    for (const old of this.#seen.keys()) {
      if (this.#seen.size <= BLOCKS_KEPT_MAX) break;
      this.#seen.delete(old);
    }
    return hash;
  }

  /** The same block a millisecond later, where a signature is all that seals it. */
  #otherBlock(data: Bytes): Bytes | null {
    const { key } = this.#modules;
    const { block, ...proof } = decodeBlockWithProof(data);
    const hash = this.#see(block);
    const { seal, ...unsealed } = block.header;
    if (recoverAddress(sealHash(unsealed), seal) !== key.address) return null;
    const later = { ...unsealed, timeMs: unsealed.timeMs + 1 };
    const other = { header: { ...later, seal: key.sign(sealHash(later)) }, body: block.body };
    this.#twins.set(hash, this.#see(other));
    return encodeBlockWithProof({ ...proof, block: other });
  }

  #otherMessage(encoded: Bytes | null): Bytes | null {
    const { key, testing } = this.#modules;
    const { messages } = testing;
    if (encoded === null || messages === undefined) return null;
    const { from, payload } = decodeMessage(encoded);
    const truth = messages.read(payload);
    if (truth === null || from !== key.address) return null;
    for (const lie of this.#lies(payload)) {
      const statement = messages.read(lie);
      if (statement === null || messages.scope(statement) !== messages.scope(truth)) continue;
      if (messages.contradict(truth, statement)) return key.message(lie);
    }
    return null;
  }

  *#lies(payload: Bytes): Generator<Bytes> {
    const { testing, rng } = this.#modules;
    const text = latin1(payload);
    for (const hash of this.#seen.keys()) {
      const place = latin1(fromHex(hash));
      if (!text.includes(place)) continue;
      const twin = this.#twins.get(hash);
      const others = rng.shuffle([...this.#seen.keys()].filter((other) => other !== hash));
      for (const other of twin === undefined ? others : [twin, ...others]) {
        yield Buffer.from(text.replaceAll(place, latin1(fromHex(other))), 'latin1');
      }
    }
    for (const block of [...this.#seen.values()].reverse()) yield* rng.shuffle(testing.lies?.(block) ?? []);
  }

  /** Each peer stays on its side. */
  #halves(): readonly [readonly PeerId[], readonly PeerId[]] {
    const { peers, rng } = this.#modules;
    const all = peers();
    const fresh = rng.shuffle(all.filter((peer) => !this.#sides.has(peer)));
    for (const peer of fresh) this.#sides.set(peer, this.#sides.size % 2 === 0);
    const isHere = (peer: PeerId): boolean => this.#sides.get(peer) === true;
    return [all.filter(isHere), all.filter((peer) => !isHere(peer))];
  }
}

function latin1(bytes: Bytes): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
