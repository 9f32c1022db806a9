import type { UnsealedHeader } from '../../src/types/block.ts';
import type { Bytes, Hash, Millis } from '../../src/types/primitives.ts';
import type { EngineEffect } from '../api/effect.ts';
import type { EngineCrypto } from '../api/engine.ts';
import type { JobId } from '../api/event.ts';
import { Alarm } from '../common/alarm.ts';
import { Patience } from '../common/patience.ts';
import { POW_LIMIT, targetOf } from './compact.ts';
import type { PowParams } from './params.ts';
import { encodeSeal, NONCE_SIZE_BYTES, withNonce, workData, workHash } from './work-header.ts';

/** Time to fill a block: what comes later gets in when the block is filled anew. */
const FILL_MS = 50;
/** No host tries all nonces in less; one that says so has not searched. */
const SEARCH_MS_MIN = 1000;
const VERSIONS = 2 ** 32;

/** What the engine knows when it asks for a plan. */
export type MineView = {
  readonly parent: Hash;
  /** Least time of a block on it. */
  readonly timeMsMin: Millis;
  readonly bits: number;
  readonly extra: Bytes;
};

type Build = { readonly job: JobId; readonly view: MineView; readonly giveUpAt: Millis; isDemanded: boolean };
type Search = {
  readonly job: JobId;
  readonly bits: number;
  readonly header: UnsealedHeader;
  readonly version: number;
  readonly data: Bytes;
  readonly begunAt: Millis;
  /** When to fill the block anew. */
  refreshAt: Millis;
};

/**
 * Makes this node's blocks: asks for one on the head, has a nonce searched for it, publishes what is found. Meanwhile it
 * asks for a fresher block now and then and moves the search over to it: no try makes the next one likelier, so nothing is
 * lost. Another head ends all of it at once. An answer that never comes is made good by a timer.
 */
export class Mining {
  readonly #params: PowParams;
  readonly #crypto: EngineCrypto;
  #parent: Hash | null = null;
  #build: Build | null = null;
  #search: Search | null = null;
  #published: { readonly job: JobId; readonly giveUpAt: Millis } | null = null;
  #lastJob = 0;
  readonly alarm = new Alarm('mine');
  readonly #patience: Patience;

  constructor(params: PowParams, crypto: EngineCrypto) {
    this.#params = params;
    this.#patience = new Patience(params.blockTimeMs);
    this.#crypto = crypto;
  }

  get isSearching(): boolean {
    return this.#search !== null;
  }

  /** Called at the end of every step; brings what is under way into line with the view. `view` null: do nothing. */
  plan(view: MineView | null, now: Millis): EngineEffect[] {
    const effects: EngineEffect[] = [];
    if (this.#parent !== (view?.parent ?? null)) {
      effects.push(...this.#dropAll());
      this.#parent = view?.parent ?? null;
      this.#patience.succeed();
    }
    if (view === null) return [...effects, ...this.alarm.moveTo(null)];
    effects.push(...this.#giveUp(now));
    if (this.#published === null && this.#build === null && now >= this.#askAt()) effects.push(this.#ask(view, now));
    const wakeAt = this.#published?.giveUpAt ?? this.#build?.giveUpAt ?? this.#askAt();
    return [...effects, ...this.alarm.moveTo(wakeAt)];
  }

  /** Transactions wait. They can wait for the next filling, unless the block that is searched for has none at all. */
  demanded(now: Millis): void {
    if (this.#build !== null) this.#build.isDemanded = true;
    else if (this.#search !== null && this.#search.header.gasUsed === 0) this.#search.refreshAt = now;
  }

  built(job: JobId, header: UnsealedHeader, now: Millis): EngineEffect[] {
    const build = this.#build;
    if (build === null || build.job !== job) return [];
    this.#build = null;
    if (header.parentHash !== build.view.parent) return this.#fail(now, job);
    const effects = this.#dropSearch();
    const isWanting = build.isDemanded && header.gasUsed === 0;
    const refreshAt = isWanting ? now : now + this.#params.refreshMs;
    return [...effects, this.#begin({ job, header, bits: build.view.bits, version: 0, begunAt: now, refreshAt })];
  }

  /** `nonce`: 4 bytes. What does not meet the target is not published: the host takes a bad block of ours for a fault. */
  worked(job: JobId, nonce: Bytes, now: Millis): EngineEffect[] {
    const search = this.#search;
    if (search === null || search.job !== job) return [];
    this.#search = null;
    if (nonce.length !== NONCE_SIZE_BYTES || !this.#isMet(search, nonce)) return this.#fail(now, job);
    const effects = this.#dropBuild();
    this.#published = { job, giveUpAt: now + this.#patience.ms };
    const seal = { by: 'value', value: encodeSeal(search.version, nonce) } as const;
    return [...effects, { type: 'publish', job, header: search.header, seal }];
  }

  failed(job: JobId, code: string, now: Millis): EngineEffect[] {
    const search = this.#search;
    if (search !== null && search.job === job) {
      if (code === 'WORK_EXHAUSTED' && now >= search.begunAt + SEARCH_MS_MIN) {
        return [this.#begin({ ...search, version: (search.version + 1) % VERSIONS, begunAt: now })];
      }
      this.#search = null;
      return this.#fail(now, job);
    }
    if (this.#build?.job === job) this.#build = null;
    else if (this.#published?.job === job) this.#published = null;
    else return [];
    return this.#fail(now, null);
  }

  #ask(view: MineView, now: Millis): EngineEffect {
    const job = ++this.#lastJob;
    const timeMs = Math.max(now, view.timeMsMin);
    const deadline = timeMs + FILL_MS;
    this.#build = { job, view, giveUpAt: deadline + this.#patience.ms, isDemanded: false };
    return { type: 'build', job, parent: view.parent, timeMs, extra: view.extra, votes: [], deadline };
  }

  #begin(search: Omit<Search, 'data'>): EngineEffect {
    const data = workData(search.header, search.bits, search.version, this.#crypto);
    this.#search = { ...search, data };
    return { type: 'work', job: search.job, data, target: targetOf(search.bits) ?? POW_LIMIT };
  }

  #isMet(search: Search, nonce: Bytes): boolean {
    return workHash(withNonce(search.data, nonce), this.#crypto.sha256) <= (targetOf(search.bits) ?? 0n);
  }

  /** When the next build is due. */
  #askAt(): Millis {
    return Math.max(this.#search?.refreshAt ?? 0, this.#patience.restUntil);
  }

  #giveUp(now: Millis): EngineEffect[] {
    if (this.#published !== null && now >= this.#published.giveUpAt) {
      const { job } = this.#published;
      this.#published = null;
      return this.#fail(now, job);
    }
    if (this.#build === null || now < this.#build.giveUpAt) return [];
    const effects = this.#dropBuild();
    return [...effects, ...this.#fail(now, null)];
  }

  #dropAll(): EngineEffect[] {
    this.#published = null;
    return [...this.#dropSearch(), ...this.#dropBuild()];
  }

  #dropSearch(): EngineEffect[] {
    const search = this.#search;
    this.#search = null;
    return search === null ? [] : [{ type: 'drop', job: search.job }];
  }

  #dropBuild(): EngineEffect[] {
    const build = this.#build;
    this.#build = null;
    return build === null ? [] : [{ type: 'drop', job: build.job }];
  }

  /** A pause before the next try, longer each time. `job`: what the host may still hold. */
  #fail(now: Millis, job: JobId | null): EngineEffect[] {
    this.#patience.fail(now);
    return job === null ? [] : [{ type: 'drop', job }];
  }
}
