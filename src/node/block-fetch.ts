import { decodeBlockWithProof, headerHash } from '../codec/block.ts';
import type { Network } from '../ports/network.ts';
import type { BlockWithProof } from '../types/block.ts';
import type { Hash, PeerId } from '../types/primitives.ts';
import { CodecError, errorCode } from '../util/errors.ts';
import type { Log } from '../util/log.ts';
import type { BlockIntake } from './block-intake.ts';
import { BLOCKS_ANSWER_BYTES_MAX, decodeBlocksAnswer, encodeHashRequest } from './block-server.ts';

/** Fetches under way at once; the engine asks again for what was turned away. */
export const FETCHES_MAX = 16;
const PEERS_ASKED_MAX = 8;
/** At the same time, so that one that takes its time costs none. */
const PEERS_AT_ONCE = 2;
const REQUEST_TIMEOUT_MS = 3_000;

export type BlockFetchModules = {
  readonly network: Network;
  readonly intake: Pick<BlockIntake, 'accept'>;
  readonly has: (hash: Hash) => boolean;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
};

/**
 * Gets single blocks that the engine has heard of and that gossip did not bring. Some peers are asked, in any order, until
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
    const left = this.#order(first).slice(0, PEERS_ASKED_MAX);
    const got = Promise.withResolvers<void>();
    const askOn = async (): Promise<void> => {
      while (!this.#stopped && !this.#modules.has(hash)) {
        const peer = left.shift();
        if (peer === undefined) return;
        if (!(await this.#ask(peer, hash))) continue;
        left.length = 0;
        got.resolve();
      }
    };
    // When one has it, what the others say is of no more use, and must not keep the place.
    await Promise.race([got.promise, Promise.all(Array.from({ length: PEERS_AT_ONCE }, askOn))]);
  }

  /** Anew each time: those that always came first could keep a block from us. */
  #order(first: PeerId | null): PeerId[] {
    const { network, random } = this.#modules;
    const ids = network.peers().map(({ id }) => id);
    const lots = new Map(ids.map((id) => [id, id === first ? -1 : random()]));
    return ids.toSorted((a, b) => (lots.get(a) ?? 0) - (lots.get(b) ?? 0));
  }

  /** Whether it had the block. */
  async #ask(peer: PeerId, hash: Hash): Promise<boolean> {
    const { network, log } = this.#modules;
    try {
      const answer = await network.request(peer, 'blocks-by-hash', encodeHashRequest({ hash, count: 1 }), {
        timeoutMs: REQUEST_TIMEOUT_MS,
        responseSizeBytesMax: BLOCKS_ANSWER_BYTES_MAX,
      });
      const [encoded] = decodeBlocksAnswer(answer);
      return encoded !== undefined && (await this.#take(decodeBlockWithProof(encoded), peer, hash));
    } catch (error) {
      if (error instanceof CodecError) network.blame(peer, error.code, 'major');
      log.debug('no block', { peer, hash, code: errorCode(error) });
      return false;
    }
  }

  async #take({ block, justification }: BlockWithProof, peer: PeerId, hash: Hash): Promise<boolean> {
    const { network, intake } = this.#modules;
    if (headerHash(block.header) !== hash) {
      // It would go before others, as one that is needed.
      network.blame(peer, 'BLOCK_OTHER', 'major');
      return false;
    }
    const delivery = { origin: 'gossip', justification: justification ?? null, peer, isNeeded: true } as const;
    const outcome = await intake.accept(block, delivery);
    return outcome.kind !== 'invalid';
  }
}
