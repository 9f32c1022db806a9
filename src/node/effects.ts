import type { EngineEffect } from '../../consensus/api/effect.ts';
import type { TimerId } from '../../consensus/api/event.ts';
import type { Chain } from '../chain/chain.ts';
import type { BuiltBlock } from '../execution/build-block.ts';
import { messageDigest, type MessageContext } from '../codec/message.ts';
import { sealHash } from '../codec/block.ts';
import type { Clock, TimerHandle, Timers } from '../ports/clock.ts';
import type { Network } from '../ports/network.ts';
import type { GuardedSigner } from '../ports/signer.ts';
import type { VoteStore } from '../ports/stores.ts';
import type { WorkSearch } from '../ports/work.ts';
import type { Block } from '../types/block.ts';
import type { Hash, PeerId, Signature } from '../types/primitives.ts';
import { unreachable } from '../util/assert.ts';
import { errorCode, errorText, ParleyError } from '../util/errors.ts';
import type { Log } from '../util/log.ts';
import type { Counter, Metrics } from '../util/metrics.ts';
import type { BlockJobs } from './block-jobs.ts';
import type { ActingEffect, EffectHandlers, EngineEventBody, PersistEntry } from './driver.ts';
import type { EvidencePool } from './evidence-pool.ts';
import type { Gossip } from './gossip.ts';

type Guard = Extract<EngineEffect, { type: 'cast' }>['guard'];
type Of<T extends ActingEffect['type']> = Extract<ActingEffect, { type: T }>;

export type EffectsModules = {
  readonly chain: Chain;
  readonly jobs: BlockJobs;
  readonly evidence: EvidencePool;
  readonly gossip: Gossip;
  readonly network: Network;
  readonly signer: GuardedSigner | null;
  /** null: this node searches for no proofs of work. */
  readonly work: WorkSearch | null;
  readonly votes: VoteStore;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly post: (event: EngineEventBody) => void;
  /** Imports an own block through the common door and tells the engine. */
  readonly importOwn: (block: Block, built: BuiltBlock) => Promise<void>;
  readonly behind: (height: number) => void;
  readonly fetch: (hash: Hash, peer: PeerId | null) => void;
};

/** One handler per effect. The order and the barrier are the driver's. */
export class Effects implements EffectHandlers {
  readonly #context: MessageContext;
  readonly #modules: EffectsModules;
  readonly #timers = new Map<TimerId, TimerHandle>();
  readonly #refused: Counter;

  constructor(options: { readonly context: MessageContext }, modules: EffectsModules) {
    this.#context = options.context;
    this.#modules = modules;
    this.#refused = modules.metrics.counter('parley_guard_refused_total', 'Signatures the guard refused');
  }

  persist(entries: readonly PersistEntry[]): Promise<void> {
    return this.#modules.votes.put(entries);
  }

  act(effect: ActingEffect): void | Promise<void> {
    const { chain, jobs, gossip, network, evidence, log } = this.#modules;
    switch (effect.type) {
      case 'cast':
        return this.#cast(effect);
      case 'recast':
        return gossip.publishMessage(effect.message);
      case 'build':
        return jobs.start(effect);
      case 'work':
        return this.#work(effect);
      case 'drop':
        this.#modules.work?.cancel(effect.job);
        return jobs.drop(effect.job);
      case 'publish':
        return this.#publish(effect);
      case 'forkchoice':
        return chain.applyForkchoice(effect);
      case 'timer':
        return this.#setTimer(effect);
      case 'drop-timer':
        return this.#dropTimer(effect.id);
      case 'evidence':
        if (evidence.add(effect.evidence) === 'taken') gossip.publishEvidence(effect.evidence);
        return undefined;
      case 'fetch':
        return this.#modules.fetch(effect.hash, effect.peer);
      case 'behind':
        return this.#modules.behind(effect.height);
      case 'blame':
        return network.blame(effect.peer, effect.code, 'major');
      case 'note':
        return log[effect.level](effect.message, effect.fields);
      case 'fault':
        throw new ParleyError('ENGINE_FAULT', effect.reason);
      default:
        return unreachable(effect);
    }
  }

  /** Cancels every timer; the engine is stopping. */
  stop(): void {
    for (const id of this.#timers.keys()) this.#dropTimer(id);
    this.#modules.jobs.stop();
  }

  async #cast(effect: Of<'cast'>): Promise<void> {
    const { signer, gossip, post } = this.#modules;
    if (signer === null) return;
    const signature = await this.#sign(messageDigest(this.#context, effect.payload), effect.guard);
    if (signature === null) return;
    const message = { from: signer.address, payload: effect.payload, signature };
    post({ type: 'message', message, peer: null });
    gossip.publishMessage(message);
  }

  #work({ job, data, target }: Of<'work'>): void {
    const { work, post } = this.#modules;
    if (work === null) return post({ type: 'failed', job, code: 'WORK_UNSUPPORTED' });
    work.start(job, data, target, (result) =>
      post(
        typeof result === 'string'
          ? { type: 'failed', job, code: result === 'lost' ? 'WORK_LOST' : 'WORK_EXHAUSTED' }
          : { type: 'worked', job, value: result },
      ),
    );
  }

  async #publish(effect: Of<'publish'>): Promise<void> {
    const { jobs, post, importOwn, gossip } = this.#modules;
    const built = jobs.take(effect.job);
    if (built === null) return post({ type: 'failed', job: effect.job, code: 'JOB_UNKNOWN' });
    const seal =
      effect.seal.by === 'value' ? effect.seal.value : await this.#sign(sealHash(effect.header), effect.seal.guard);
    if (seal === null) return post({ type: 'failed', job: effect.job, code: 'GUARD_REFUSED' });
    const block = { header: { ...effect.header, seal }, body: built.body };
    await importOwn(block, built);
    gossip.publishBlock(block, null);
  }

  /** null when the guard refuses: the message is simply not said. */
  async #sign(digest: Hash, guard: Guard): Promise<Signature | null> {
    const { signer, log } = this.#modules;
    if (signer === null) return null;
    try {
      return await signer.sign(digest, guard);
    } catch (error) {
      if (errorCode(error) !== 'GUARD_REFUSED') throw error;
      this.#refused.add();
      log.warn('not signed', { reason: errorText(error), guard: { ...guard } });
      return null;
    }
  }

  #setTimer(effect: Of<'timer'>): void {
    this.#timers.get(effect.id)?.cancel();
    const delayMs = Math.max(0, effect.at - this.#modules.clock.now());
    const handle = this.#modules.timers.after(delayMs, () => {
      this.#timers.delete(effect.id);
      this.#modules.post({ type: 'timer', id: effect.id });
    });
    this.#timers.set(effect.id, handle);
  }

  #dropTimer(id: TimerId): void {
    this.#timers.get(id)?.cancel();
    this.#timers.delete(id);
  }
}
