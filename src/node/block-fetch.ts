import { decodeBlockWithProof } from '../codec/block.ts';
import type { Network } from '../ports/network.ts';
import type { Hash, PeerId } from '../types/primitives.ts';
import { CodecError, errorCode } from '../util/errors.ts';
import type { Log } from '../util/log.ts';
import type { BlockIntake } from './block-intake.ts';
import { BLOCKS_ANSWER_BYTES_MAX, decodeBlocksAnswer, encodeHashRequest } from './block-server.ts';

/** Fetches under way at once; the engine asks again for what was turned away. */
export const FETCHES_MAX = 16;
const PEERS_ASKED_MAX = 8;
const REQUEST_TIMEOUT_MS = 3_000;

export type BlockFetchModules = {
  readonly network: Network;
  readonly intake: Pick<BlockIntake, 'accept'>;
  readonly has: (hash: Hash) => boolean;
  readonly log: Log;
};

/**
 * Gets single blocks that the engine has heard of and that gossip did not bring. Peers are asked one after the other until
 * one has it. That somebody does not have a block which nothing has decided yet is no fault, so nobody is rested for it.
 */
export class BlockFetch {
  readonly #modules: BlockFetchModules;
  readonly #underWay = new Set<Hash>();
  #stopped = false;

  constructor(modules: BlockFetchModules) {
    this.#modules = modules;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** `first`: the peer most likely to have it. Returns at once. */
  want(hash: Hash, first: PeerId | null): void {
    if (this.#stopped || this.#underWay.has(hash) || this.#underWay.size >= FETCHES_MAX) return;
    this.#underWay.add(hash);
    void this.#fetch(hash, first).finally(() => this.#underWay.delete(hash));
  }

  async #fetch(hash: Hash, first: PeerId | null): Promise<void> {
    const { network, has } = this.#modules;
    const others = network.peers().map(({ id }) => id);
    const ordered = first !== null && others.includes(first) ? [first, ...others.filter((id) => id !== first)] : others;
    for (const peer of ordered.slice(0, PEERS_ASKED_MAX)) {
      if (this.#stopped || has(hash)) return;
      await this.#ask(peer, hash);
    }
  }

  async #ask(peer: PeerId, hash: Hash): Promise<void> {
    const { network, intake, log } = this.#modules;
    try {
      const answer = await network.request(peer, 'blocks-by-hash', encodeHashRequest({ hash, count: 1 }), {
        timeoutMs: REQUEST_TIMEOUT_MS,
        responseSizeBytesMax: BLOCKS_ANSWER_BYTES_MAX,
      });
      for (const encoded of decodeBlocksAnswer(answer).slice(0, 1)) {
        const { block, justification } = decodeBlockWithProof(encoded);
        await intake.accept(block, { origin: 'gossip', justification: justification ?? null, peer, isNeeded: true });
      }
    } catch (error) {
      if (error instanceof CodecError) network.blame(peer, error.code, 'major');
      log.debug('no block', { peer, hash, code: errorCode(error) });
    }
  }
}
