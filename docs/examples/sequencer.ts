/**
 * An engine of one's own, as small as an honest one gets: a sequencer. The first validator makes every block, the others
 * follow. Run it, and have it judged, with
 *
 *     npm run devnet -- --consensus ./docs/examples/sequencer.ts
 *     npm run conformance -- ./docs/examples/sequencer.ts
 *
 * Rules:
 * 1. Only the sequencer seals. A block is at least `blockTimeMs` after its parent.
 * 2. A block is final when it has a child. The sequencer builds on a block only when it has that block on its own disk: it
 *    persists a note before each seal, and what is persisted takes all earlier blocks to the disk along (rule 4 of the
 *    contract). So a crash can cost it its newest block at most, which nobody holds for final yet.
 * 3. It seals once for each moment, never back in time, and remembers the moment before it seals; the signer's guard does
 *    the same once more. Of two blocks of one height, which a crash may leave, all follow the one that is built on.
 *
 * What it tolerates: any crash, no liar (`faults: 'none'`): who trusts a sequencer trusts it.
 *
 * Only types are imported, so a copy of this file works anywhere.
 */
import type { EngineEffect } from '../../consensus/api/effect.ts';
import type { Engine, EngineEnv, EngineFactory } from '../../consensus/api/engine.ts';
import type { EngineEvent } from '../../consensus/api/event.ts';
import type { EngineStatus } from '../../consensus/api/status.ts';
import type { EngineTesting } from '../../consensus/api/testing.ts';
import type { Header } from '../../src/types/block.ts';
import type { Address, Bytes, Hash } from '../../src/types/primitives.ts';
import type { ConsensusState } from '../../src/types/validator.ts';

type Params = { readonly blockTimeMs: number };
type Known = { readonly header: Header; readonly state: ConsensusState; readonly validatorsBefore: ConsensusState['validators'] };

const RETRY_MS = 2000;
const CLOCK_TOLERANCE_MS = 1500;
const GENESIS = `0x${'00'.repeat(32)}` as const;

class Sequencer implements Engine {
  readonly #params: Params;
  readonly #env: EngineEnv;
  readonly #blocks = new Map<Hash, Known>();
  #final: Hash = GENESIS;
  #head: Hash = GENESIS;
  /** The moment of the last seal. */
  #sealedMs: number;
  #isReady = false;
  #job = 0;

  constructor(params: Params, env: EngineEnv, saved: ReadonlyMap<string, Bytes>) {
    this.#params = params;
    this.#env = env;
    this.#sealedMs = Number(new TextDecoder().decode(saved.get('sealed') ?? new Uint8Array(0)) || 0);
  }

  step(event: EngineEvent): readonly EngineEffect[] {
    switch (event.type) {
      case 'start':
        this.#final = this.#head = event.finalizedHash;
        this.#blocks.set(event.finalizedHash, { header: event.finalized, state: event.state, validatorsBefore: event.state.validators });
        return [];
      case 'ready':
        this.#isReady = true;
        return this.#next(event.now);
      case 'imported':
        return [...this.#take(event.hash, event.header, event.state), ...this.#next(event.now)];
      case 'timer':
        return this.#next(event.now);
      case 'built':
        return event.job === this.#job && event.header.parentHash === this.#head ? this.#seal(event) : [];
      case 'stop':
        this.#isReady = false;
        return [];
      // Nobody votes, works or lags here; and a block nobody waits for is made all the same.
      case 'justified':
      case 'invalid':
      case 'worked':
      case 'failed':
      case 'message':
      case 'demand':
      case 'syncing':
      case 'propose':
        return [];
    }
  }

  /** A block on the one that is built on is the head; its parent is final. */
  #take(hash: Hash, header: Header, state: ConsensusState): EngineEffect[] {
    const parent = this.#blocks.get(header.parentHash);
    if (parent === undefined || this.#blocks.has(hash)) return [];
    this.#blocks.set(hash, { header, state, validatorsBefore: parent.state.validators });
    const isBetter = header.number > this.#number || (header.number === this.#number && header.timeMs > this.#timeMs);
    if (!isBetter) return [];
    this.#head = hash;
    if (header.number > 1) this.#final = header.parentHash;
    for (const [old, { header: { number } }] of this.#blocks) {
      if (number < header.number - 1 && old !== this.#final) this.#blocks.delete(old);
    }
    const anchor = new Uint8Array(0);
    return [{ type: 'forkchoice', head: hash, safe: this.#final, finalized: this.#final, anchor }];
  }

  /** Asks for the next block; asked again later if nothing comes of it. */
  #next(now: number): EngineEffect[] {
    if (!this.#isReady || this.#env.self === null || this.#env.self !== this.#leader(this.#head)) return [];
    const timeMs = Math.max(now, this.#timeMs + this.#params.blockTimeMs, this.#sealedMs + 1);
    const drop: EngineEffect = { type: 'drop', job: this.#job };
    const build = { job: ++this.#job, parent: this.#head, timeMs, extra: new Uint8Array(0), votes: [], deadline: timeMs };
    return [drop, { type: 'build', ...build }, { type: 'timer', id: 'retry', at: timeMs + RETRY_MS }];
  }

  #seal({ job, header }: Extract<EngineEvent, { type: 'built' }>): EngineEffect[] {
    if (header.timeMs <= this.#sealedMs) return [];
    this.#sealedMs = header.timeMs;
    const guard = { kind: 'once', domain: 'seal', height: header.timeMs, round: 0, step: 0 } as const;
    return [
      { type: 'persist', key: 'sealed', value: new TextEncoder().encode(String(header.timeMs)) },
      { type: 'publish', job, header, seal: { by: 'signature', guard } },
    ];
  }

  checkHeader(header: Header, parent: Header, author: Address, how: { readonly now: number }): ReturnType<Engine['checkHeader']> {
    if (!this.#blocks.has(header.parentHash)) return { kind: 'later', code: 'PARENT_UNKNOWN' };
    if (author !== this.#leader(header.parentHash)) return { kind: 'reject', code: 'NOT_THE_SEQUENCER' };
    if (header.timeMs < parent.timeMs + this.#params.blockTimeMs) return { kind: 'reject', code: 'TOO_EARLY' };
    const isAhead = header.timeMs > how.now + CLOCK_TOLERANCE_MS;
    return isAhead ? { kind: 'later', code: 'AHEAD_OF_TIME', retryAt: header.timeMs - CLOCK_TOLERANCE_MS } : { kind: 'accept' };
  }

  checkMessage(): ReturnType<Engine['checkMessage']> {
    return { kind: 'reject', code: 'NO_MESSAGES' };
  }

  author(header: Header): Address {
    const author = this.#env.crypto.recover(this.#env.crypto.sealHash(header), header.seal);
    if (author === null) throw new Error('the seal is not a signature of this header');
    return author;
  }

  validatorsFor(block: Hash): ConsensusState['validators'] | undefined {
    return this.#blocks.get(block)?.validatorsBefore;
  }

  validatorsAfter(block: Hash): ConsensusState['validators'] | undefined {
    return this.#blocks.get(block)?.state.validators;
  }

  describe(): EngineStatus {
    const ref = (hash: Hash) => ({ hash, number: this.#blocks.get(hash)?.header.number ?? 0 });
    const leader = this.#leader(this.#head);
    const validators = this.#blocks.get(this.#head)?.state.validators ?? [];
    return {
      engine: engine.id,
      finality: engine.traits.finality,
      head: ref(this.#head),
      safe: ref(this.#final),
      finalized: ref(this.#final),
      clock: { unit: 'height', value: this.#number },
      role: leader === this.#env.self ? 'proposer' : 'follower',
      proposer: { now: leader, next: leader },
      validators: validators.map(({ address, power }) => ({ address, power, state: 'active', lastSeen: null })),
      quorum: null,
      timers: [],
      counters: {},
      details: {},
    };
  }

  get #number(): number {
    return this.#blocks.get(this.#head)?.header.number ?? 0;
  }

  get #timeMs(): number {
    return this.#blocks.get(this.#head)?.header.timeMs ?? 0;
  }

  /** Who makes the child of this block. */
  #leader(block: Hash): Address | null {
    return this.#blocks.get(block)?.state.validators[0]?.address ?? null;
  }
}

export const engine: EngineFactory<Params> = {
  id: 'sequencer',
  traits: { finality: 'confirmations', needsJustification: false, castsMessages: false, usesWork: false, takesProposals: false },
  parseParams: (json) => {
    const { blockTimeMs = 1000, ...unknown } = (json ?? {}) as { readonly blockTimeMs?: unknown };
    const [key] = Object.keys(unknown);
    if (key !== undefined) throw new Error(`a sequencer has no parameter "${key}"`);
    if (Number.isSafeInteger(blockTimeMs) && Number(blockTimeMs) >= 1) return { blockTimeMs: Number(blockTimeMs) };
    throw new Error('blockTimeMs must be a whole number of at least 1');
  },
  idles: () => false,
  genesis: () => ({ extra: new Uint8Array(0), seal: new Uint8Array(0) }),
  advance: (_params, before) => before,
  judge: () => null,
  blockReward: () => 0n,
  create: (params, env, saved) => new Sequencer(params, env, saved),
};

export const testing: EngineTesting = { params: { blockTimeMs: 1000 }, faults: 'none' };
