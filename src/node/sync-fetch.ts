import { decodeBlockWithProof, headerHash } from '../codec/block.ts';
import type { Clock } from '../ports/clock.ts';
import type { Network } from '../ports/network.ts';
import type { BlockWithProof } from '../types/block.ts';
import type { Bytes, Hash, Millis, PeerId } from '../types/primitives.ts';
import { CodecError, errorCode } from '../util/errors.ts';
import type { Log } from '../util/log.ts';
import type { BlockIntake } from './block-intake.ts';
import { BLOCKS_ANSWER_BYTES_MAX, decodeBlocksAnswer, encodeHashRequest, encodeRangeRequest } from './block-server.ts';

const REQUEST_TIMEOUT_MS = 10_000;
/** An answer that took longer, with fewer new blocks in it, is slow. */
const SLOW_MS = 1_000;
const QUICK_BLOCKS_MIN = 16;

/**
 * What came of one question:
 * `progress`: a block that is new here, whatever followed it;
 * `known`: blocks, and all of them here before;
 * `nothing`: an empty answer, one to another question, rubbish, or blocks without the proof that they need;
 * `silent`: no answer;
 * `unconnected`: blocks on a parent that is not here;
 * `later`: good blocks, it may be, whose time has not come here;
 * `stale`: blocks at or below finality that are not ours, so what stands on them can not be taken in.
 */
export type FetchStep = 'progress' | 'known' | 'nothing' | 'silent' | 'unconnected' | 'later' | 'stale';

export type Fetched = {
  readonly step: FetchStep;
  /** Number of the last block that is here now; 0 without one. */
  readonly last: number;
  readonly isSlow: boolean;
};

export type Question = {
  readonly peer: PeerId;
  /** Blocks from a height up, or a block and what is below it. */
  readonly what: { readonly from: number } | { readonly hash: Hash };
  readonly count: number;
  /** Told of each block that is new, in order. */
  readonly onNew: (number: number) => void;
  /** Gives back what it is given; told of the wait. */
  readonly wait: <T>(answer: Promise<T>) => Promise<T>;
};

export type SyncFetchModules = {
  readonly network: Network;
  readonly intake: Pick<BlockIntake, 'accept'>;
  readonly chain: {
    /** Where a block needs a proof: whether it is here with one. */
    readonly has: (hash: Hash) => boolean;
  };
  /** A block is here only when it is final, by the proof that came with it. */
  readonly needsJustification: boolean;
  /** When the engine has done with all it was told. */
  readonly idle: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
};

/** Of one answer, while its blocks are taken in. */
type Tally = { taken: number; news: number; last: number; readonly proven: { hash: Hash; number: number }[] };

/** Asks a peer for blocks once, and takes in what it answers. */
export class SyncFetch {
  readonly #modules: SyncFetchModules;
  #stopped = false;

  constructor(modules: SyncFetchModules) {
    this.#modules = modules;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Never rejects: what went wrong is a step. */
  async ask(question: Question): Promise<Fetched> {
    const { network, clock, log } = this.#modules;
    const { peer, onNew, wait } = question;
    const { protocol, payload } = requestOf(question);
    const tally: Tally = { taken: 0, news: 0, last: 0, proven: [] };
    const askedAt = clock.now();
    let answeredAt: Millis | null = null;
    let end: FetchStep | null = 'silent';
    try {
      const request = network.request(peer, protocol, payload, {
        timeoutMs: REQUEST_TIMEOUT_MS,
        responseSizeBytesMax: BLOCKS_ANSWER_BYTES_MAX,
      });
      const answer = await wait(request);
      answeredAt = clock.now();
      end = 'nothing';
      const blocks = decodeBlocksAnswer(answer).map((bytes) => decodeBlockWithProof(bytes));
      if (isAnswer(blocks, question)) end = await this.#takeAll(blocks, question, tally);
      else if (blocks.length > 0) {
        log.warn('block refused', { code: 'BLOCK_OTHER', peer, protocol });
        network.blame(peer, 'BLOCK_OTHER', 'major');
      }
    } catch (error) {
      if (error instanceof CodecError) network.blame(peer, error.code, 'major');
      log.debug('fetch failed', { peer, protocol, code: errorCode(error) });
    }
    if (this.#modules.needsJustification) await this.#countProven(tally, onNew);
    const tookMs = (answeredAt ?? clock.now()) - askedAt;
    const step = stepOf(end, tally);
    return { step, last: tally.last, isSlow: tookMs > SLOW_MS && tally.news < QUICK_BLOCKS_MIN };
  }

  /** What ended it early; null when all was taken in. */
  async #takeAll(blocks: readonly BlockWithProof[], question: Question, tally: Tally): Promise<FetchStep | null> {
    for (const block of blocks) {
      if (this.#stopped) return 'nothing';
      const end = await this.#take(block, question, tally);
      if (end !== null) return end;
    }
    return null;
  }

  async #take({ block, justification }: BlockWithProof, question: Question, tally: Tally): Promise<FetchStep | null> {
    const { intake, idle, chain, needsJustification } = this.#modules;
    const { peer, onNew } = question;
    const delivery = { origin: 'sync', justification: justification ?? null, peer } as const;
    const { number } = block.header;
    const wasHere = needsJustification && chain.has(headerHash(block.header));
    let outcome = await intake.accept(block, delivery);
    if (outcome.kind === 'later') {
      // Blocks come faster than the engine takes their parents in.
      await idle();
      outcome = await intake.accept(block, delivery);
    }
    switch (outcome.kind) {
      case 'orphan':
        return 'unconnected';
      case 'invalid':
      case 'unwanted':
        return 'nothing';
      case 'later':
      case 'stale':
        return outcome.kind;
      case 'imported':
      case 'known':
        break;
    }
    tally.taken++;
    if (!needsJustification) {
      tally.last = number;
      if (outcome.kind !== 'imported') return null;
      tally.news++;
      onNew(number);
    } else if (wasHere) tally.last = number;
    else if (delivery.justification !== null) tally.proven.push({ hash: outcome.hash, number });
    return null;
  }

  /** A candidate that nobody decided on is no block of the chain: what counts is what its proof made final. */
  async #countProven(tally: Tally, onNew: (number: number) => void): Promise<void> {
    const { chain, idle } = this.#modules;
    if (tally.proven.length > 0) await idle();
    for (const { hash, number } of tally.proven) {
      if (!chain.has(hash)) continue;
      tally.last = number;
      tally.news++;
      onNew(number);
    }
  }
}

function requestOf({ what, count }: Question): {
  readonly protocol: 'blocks-by-range' | 'blocks-by-hash';
  readonly payload: Bytes;
} {
  return 'from' in what
    ? { protocol: 'blocks-by-range', payload: encodeRangeRequest({ from: what.from, count }) }
    : { protocol: 'blocks-by-hash', payload: encodeHashRequest({ hash: what.hash, count }) };
}

/** In order, and those asked for: or a peer could keep us busy with whatever it has. */
function isAnswer(blocks: readonly BlockWithProof[], { what, count }: Question): boolean {
  const [first, last] = [blocks[0], blocks.at(-1)];
  if (first === undefined || last === undefined || blocks.length > count) return false;
  const start = first.block.header.number;
  if (!blocks.every(({ block }, i) => block.header.number === start + i)) return false;
  return 'from' in what ? start === what.from : headerHash(last.block.header) === what.hash;
}

function stepOf(end: FetchStep | null, { taken, news, last }: Tally): FetchStep {
  if (end === 'later' || end === 'stale') return end;
  if (news > 0) return end === 'nothing' ? end : 'progress';
  if (end !== null) return end;
  return taken > 0 && last > 0 ? 'known' : 'nothing';
}
