import type { Origin } from '../../consensus/api/event.ts';
import type { Executed } from '../execution/execute-block.ts';
import type { Chain } from '../chain/chain.ts';
import type { Clock, Timers } from '../ports/clock.ts';
import type { Network } from '../ports/network.ts';
import type { Block } from '../types/block.ts';
import type { Bytes, Hash, PeerId } from '../types/primitives.ts';
import type { Transaction } from '../types/transaction.ts';
import { errorText } from '../util/errors.ts';
import type { Log } from '../util/log.ts';
import type { BadBlocks } from './bad-blocks.ts';
import type { EngineEventBody } from './driver.ts';

export type Delivery = {
  readonly origin: Origin;
  readonly justification: Bytes | null;
  readonly peer: PeerId | null;
  /** The engine asked for this very block. */
  readonly isNeeded?: boolean;
  readonly prepared?: { readonly executed: Executed; readonly transactions: readonly Transaction[] };
};

type Outcome = Awaited<ReturnType<Chain['import']>>;

export const RETRIES_WAITING_MAX = 64;
const RETRY_DELAY_MS = 250;
const RETRY_DELAY_MS_MAX = 10_000;
/** A block that stays "later" this often is let go; sync brings it again if it was good. */
const RETRIES_PER_BLOCK_MAX = 8;

export type BlockIntakeModules = {
  readonly chain: Chain;
  readonly network: Network;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly post: (event: EngineEventBody) => void;
  readonly missing: (hash: Hash, peer: PeerId | null) => void;
  readonly badBlocks: BadBlocks;
};

/** The one door for blocks, whoever brings them: imports, tells the engine parents first, and sees to what could not be taken. */
export class BlockIntake {
  readonly #modules: BlockIntakeModules;
  #retriesWaiting = 0;
  #stopped = false;

  constructor(modules: BlockIntakeModules) {
    this.#modules = modules;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Imports a block and every orphan that waited for it. The outcome is the block's own. */
  async accept(block: Block, delivery: Delivery, tries = 0): Promise<Outcome> {
    const outcome = await this.#import(block, delivery, tries);
    const arrived = outcome.kind === 'imported' ? [outcome.node.hash] : [];
    for (const hash of arrived) {
      for (const orphan of this.#modules.chain.takeOrphans(hash)) {
        const next = await this.#import(orphan.block, orphan, 0);
        if (next.kind === 'imported') arrived.push(next.node.hash);
      }
    }
    return outcome;
  }

  async #import(block: Block, delivery: Delivery, tries: number): Promise<Outcome> {
    const { chain, clock, post, log } = this.#modules;
    const outcome = await chain.import(block, { ...delivery, now: clock.now() });
    switch (outcome.kind) {
      case 'imported': {
        const { node } = outcome;
        post({
          type: 'imported',
          hash: node.hash,
          header: node.header,
          author: node.author,
          votes: block.body.votes,
          state: node.executed.consensus,
          origin: delivery.origin,
          justification: delivery.justification,
        });
        break;
      }
      case 'known':
        if (delivery.justification !== null && delivery.origin !== 'replay') {
          const { justification, peer } = delivery;
          post({ type: 'justified', hash: outcome.hash, justification, peer });
        }
        break;
      case 'orphan':
        this.#modules.missing(outcome.missing, delivery.peer);
        break;
      case 'later':
        // What sync brings it brings again.
        if (delivery.origin !== 'sync') this.#retry(block, delivery, outcome.retryAt, tries);
        break;
      case 'invalid':
        log.warn('block refused', { code: outcome.code, number: block.header.number, peer: delivery.peer });
        if (delivery.peer !== null) {
          this.#modules.badBlocks.add(block, outcome.code, outcome.acceptedAuthor !== null);
        }
        if (outcome.blame && delivery.peer !== null) this.#modules.network.blame(delivery.peer, outcome.code, 'major');
        if (outcome.acceptedAuthor !== null) {
          const { hash, code, acceptedAuthor: author } = outcome;
          post({ type: 'invalid', hash, header: block.header, author, code, justification: delivery.justification });
        }
        break;
      case 'unwanted':
      case 'stale':
        // What it means that a peer's chain is dead here is for sync to say.
        break;
    }
    return outcome;
  }

  #retry(block: Block, delivery: Delivery, retryAt: number | undefined, tries: number): void {
    if (tries >= RETRIES_PER_BLOCK_MAX || this.#retriesWaiting >= RETRIES_WAITING_MAX) return;
    const waitMs = retryAt === undefined ? RETRY_DELAY_MS : retryAt - this.#modules.clock.now();
    this.#retriesWaiting++;
    this.#modules.timers.after(Math.min(Math.max(1, waitMs), RETRY_DELAY_MS_MAX), () => {
      this.#retriesWaiting--;
      if (this.#stopped) return;
      this.accept(block, delivery, tries + 1).catch((error: unknown) => {
        this.#modules.log.error('import failed', { reason: errorText(error) });
      });
    });
  }
}
