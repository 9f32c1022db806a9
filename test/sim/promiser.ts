import { decodeBlockWithProof, encodeBlockWithProof, headerHash } from '../../src/codec/block.ts';
import { decodeRlp, decodeUint, encodeRlp } from '../../src/codec/rlp.ts';
import { decodeBlocksAnswer } from '../../src/node/block-server.ts';
import { decodeStatus, encodeStatus } from '../../src/node/status-message.ts';
import type { GossipTopic, RequestProtocol } from '../../src/ports/network.ts';
import type { Block } from '../../src/types/block.ts';
import type { Bytes, Hash, Millis, PeerId } from '../../src/types/primitives.ts';
import { toHex } from '../../src/util/hex.ts';
import type { Voice, VoiceModules } from './voice.ts';

/** Just before whoever asks loses patience. */
const ANSWER_MS: Millis = 9_500;
const PROMISED_BLOCKS = 1_000;
const OWN_MAX = 64;

/** `served`: who has it. */
type Own = { readonly data: Bytes; readonly block: Block; readonly served: Set<PeerId> };

/**
 * Claims to be far ahead of everybody, and gossips none of its blocks: it serves them to who asks, after blocks that
 * everybody has, one for each question, as late as it can. Asked for what it does not have, it invents a block of that
 * height. So others seem to be far behind, and to catch up.
 */
export class Promiser implements Voice {
  readonly isHiding = false;
  readonly #modules: VoiceModules;
  #own: Own[] = [];
  #promised: Hash;
  #lastBlock: Block | null = null;

  constructor(modules: VoiceModules) {
    this.#modules = modules;
    this.#promised = this.#invent();
  }

  publish(topic: GossipTopic, data: Bytes): void {
    if (topic !== 'block') return this.#modules.say(topic, data);
    const { block } = decodeBlockWithProof(data);
    this.#lastBlock = block;
    this.#own = [...this.#own, { data: new Uint8Array(data), block, served: new Set<PeerId>() }].slice(-OWN_MAX);
  }

  heard(topic: GossipTopic, data: Bytes): void {
    if (topic === 'block') this.#lastBlock = decodeBlockWithProof(data).block;
  }

  status(truth: Bytes): Bytes {
    const status = decodeStatus(truth);
    return encodeStatus({ ...status, head: { hash: this.#promised, number: status.head.number + PROMISED_BLOCKS } });
  }

  async answer(protocol: RequestProtocol, payload: Bytes, from: PeerId, truth: () => Promise<Bytes>): Promise<Bytes> {
    if (protocol !== 'blocks-by-range' && protocol !== 'blocks-by-hash') return truth();
    await new Promise<void>((resolve) => this.#modules.timers.after(ANSWER_MS, resolve));
    // The next head is another, so that no rest is meant for it.
    this.#promised = this.#invent();
    if (protocol === 'blocks-by-hash') return truth();
    const [start] = decodeRlp(payload) as [Bytes];
    return encodeRlp([...this.#blocks(decodeUint(start), from, decodeBlocksAnswer(await truth()))]);
  }

  /** `blocks`: from `start` up. Those of them that lead to one of ours. */
  #blocks(start: number, peer: PeerId, blocks: readonly Bytes[]): readonly Bytes[] {
    const hashes = blocks.map((data) => headerHash(decodeBlockWithProof(data).block.header));
    for (const { block, data, served } of this.#own) {
      const index = block.header.number - start;
      if (served.has(peer) || index < 0 || index > blocks.length) continue;
      if (index > 0 && hashes[index - 1] !== block.header.parentHash) continue;
      served.add(peer);
      return [...blocks.slice(0, index), data];
    }
    return blocks.length > 0 ? blocks : this.#invented(start);
  }

  #invented(number: number): Bytes[] {
    if (this.#lastBlock === null) return [];
    const { header, body } = this.#lastBlock;
    return [encodeBlockWithProof({ block: { header: { ...header, number, parentHash: this.#invent() }, body } })];
  }

  #invent(): Hash {
    return toHex(Uint8Array.from({ length: 32 }, () => this.#modules.rng.between(0, 255)));
  }
}
