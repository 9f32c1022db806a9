import { decodeBlockWithProof, encodeBlockWithProof } from '../../src/codec/block.ts';
import { encodeRlp } from '../../src/codec/rlp.ts';
import { encodeRangeRequest, BLOCKS_PER_ANSWER_MAX } from '../../src/node/block-server.ts';
import type { GossipTopic } from '../../src/ports/network.ts';
import type { Block } from '../../src/types/block.ts';
import type { Bytes, Hash, Millis } from '../../src/types/primitives.ts';
import { toHex } from '../../src/util/hex.ts';
import type { Rng } from '../../src/util/rng.ts';
import type { Voice, VoiceModules } from './voice.ts';

const PAUSE_MS: readonly [Millis, Millis] = [500, 4_000];
const BURST_MAX = 40;
const KEPT_MAX = 32;
const GOSSIP_TOPICS: readonly GossipTopic[] = ['block', 'transactions', 'consensus'];
/** How many of them do not care about being banned. */
const RUDE_CHANCE = 0.5;

/**
 * Says too much, in bursts: well-formed messages about nothing, old ones again, blocks of no value, and many questions. A
 * rude one says garbage as well, and is soon banned; the others go on.
 */
export class Flooder implements Voice {
  readonly isHiding = false;
  readonly #modules: VoiceModules;
  readonly #old: { readonly topic: GossipTopic; readonly data: Bytes }[] = [];
  readonly #isRude: boolean;
  #lastBlock: Block | null = null;
  #count: number;

  constructor(modules: VoiceModules) {
    this.#modules = modules;
    this.#isRude = modules.rng.chance(RUDE_CHANCE);
    // Not what it said before a restart, which is old by now.
    this.#count = modules.rng.between(0, 1_000_000);
    this.#wait();
  }

  publish(topic: GossipTopic, data: Bytes): void {
    this.#keep(topic, data);
    this.#modules.say(topic, data);
  }

  heard(topic: GossipTopic, data: Bytes): void {
    this.#keep(topic, data);
    if (topic === 'block') this.#lastBlock = decodeBlockWithProof(data).block;
  }

  #keep(topic: GossipTopic, data: Bytes): void {
    this.#old.push({ topic, data: new Uint8Array(data) });
    if (this.#old.length > KEPT_MAX) this.#old.shift();
  }

  #wait(): void {
    const { timers, rng } = this.#modules;
    timers.after(rng.between(...PAUSE_MS), () => {
      this.#burst();
      this.#wait();
    });
  }

  #burst(): void {
    const { rng } = this.#modules;
    const kinds = [() => this.#messages(), () => this.#repetitions(), () => this.#questions()];
    if (this.#isRude)
      kinds.push(
        () => this.#garbage(),
        () => this.#blocks(),
      );
    rng.pick(kinds)();
  }

  #messages(): void {
    const { say, rng, key, testing } = this.#modules;
    const { flood } = testing;
    if (flood === undefined) return this.#repetitions();
    for (let i = rng.between(1, BURST_MAX); i > 0; i--) say('consensus', key.message(flood(this.#count++)));
  }

  #repetitions(): void {
    const { say, rng } = this.#modules;
    if (this.#old.length === 0) return;
    for (let i = rng.between(1, BURST_MAX); i > 0; i--) {
      const { topic, data } = rng.pick(this.#old);
      say(topic, data);
    }
  }

  #garbage(): void {
    const { say, rng } = this.#modules;
    for (const topic of GOSSIP_TOPICS) {
      say(topic, randomBytes(rng, rng.between(0, 300)));
      say(topic, encodeRlp([randomBytes(rng, 20), randomBytes(rng, 40), randomBytes(rng, 65)]));
    }
  }

  /** Of a good form, in the place of a good one, far ahead or beside the chain; sealed by nobody. */
  #blocks(): void {
    const { say, rng } = this.#modules;
    const block = this.#lastBlock;
    if (block === null) return;
    for (let i = rng.between(1, BURST_MAX / 4); i > 0; i--) {
      const { header, body } = block;
      const isInPlace = rng.chance(0.4);
      const number = header.number + (isInPlace ? 0 : rng.between(0, 40));
      const parentHash: Hash = isInPlace ? header.parentHash : toHex(randomBytes(rng, 32));
      const seal = randomBytes(rng, header.seal.length);
      say('block', encodeBlockWithProof({ block: { header: { ...header, number, parentHash, seal }, body } }));
    }
  }

  #questions(): void {
    const { ask, peers, rng } = this.#modules;
    for (const peer of peers()) {
      for (let i = rng.between(1, BURST_MAX / 2); i > 0; i--) {
        const isRange = rng.chance(0.7);
        const request = encodeRangeRequest({ from: rng.between(0, 20), count: BLOCKS_PER_ANSWER_MAX });
        if (isRange) ask(peer, 'blocks-by-range', request);
        else ask(peer, 'pooled-transactions', encodeRlp([]));
      }
    }
  }
}

function randomBytes(rng: Rng, sizeBytes: number): Bytes {
  return Uint8Array.from({ length: sizeBytes }, () => rng.between(0, 255));
}
