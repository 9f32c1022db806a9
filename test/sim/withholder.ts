import { decodeBlockWithProof } from '../../src/codec/block.ts';
import type { GossipTopic } from '../../src/ports/network.ts';
import type { Bytes, Millis } from '../../src/types/primitives.ts';
import type { Voice, VoiceModules } from './voice.ts';

const HOLD_MS_MIN: Millis = 1_000;
const HOLD_MS_MAX: Millis = 10_000;

/** `number`: of a block. */
type Held = { readonly topic: GossipTopic; readonly data: Bytes; readonly number: number | null; isSaid: boolean };

/**
 * Keeps its blocks and messages to itself for a while. Where work is done it is a selfish miner: a block comes out when an
 * honest one of its height does. While it holds something back it answers no questions, which would give that away.
 */
export class Withholder implements Voice {
  readonly #modules: VoiceModules;
  readonly #held = new Set<Held>();

  constructor(modules: VoiceModules) {
    this.#modules = modules;
  }

  get isHiding(): boolean {
    return [...this.#held].some(({ number }) => number !== null);
  }

  publish(topic: GossipTopic, data: Bytes): void {
    const { say, timers, rng, usesWork, holdMsMax } = this.#modules;
    if (topic === 'transactions') return say(topic, data);
    const number = topic === 'block' ? decodeBlockWithProof(data).block.header.number : null;
    const held: Held = { topic, data: new Uint8Array(data), number, isSaid: false };
    this.#held.add(held);
    const longMs = Math.min(HOLD_MS_MAX, holdMsMax);
    const holdMs = usesWork ? longMs : rng.between(Math.min(HOLD_MS_MIN, longMs), longMs);
    timers.after(holdMs, () => this.#release(held));
  }

  heard(topic: GossipTopic, data: Bytes): void {
    if (topic !== 'block' || !this.#modules.usesWork) return;
    const { number } = decodeBlockWithProof(data).block.header;
    for (const held of this.#held) if ((held.number ?? Infinity) <= number) this.#release(held);
  }

  #release(held: Held): void {
    if (held.isSaid) return;
    held.isSaid = true;
    this.#held.delete(held);
    this.#modules.say(held.topic, held.data);
  }
}
