import type { Header } from '../../src/types/block.ts';
import type { SignedMessage } from '../../src/types/message.ts';
import type { Address, Hash, Millis } from '../../src/types/primitives.ts';
import type { ValidatorSet } from '../../src/types/validator.ts';
import { assert, unreachable } from '../../src/util/assert.ts';
import { CodecError } from '../../src/util/errors.ts';
import type { EngineEffect } from '../api/effect.ts';
import type { Engine, EngineEnv, HowReceived } from '../api/engine.ts';
import type { EngineEvent } from '../api/event.ts';
import type { EngineStatus } from '../api/status.ts';
import { later, reject, type Verdict } from '../api/verdict.ts';
import { shownAlarms } from '../common/alarm.ts';
import { Announcer } from '../common/announcer.ts';
import { BlockWeights } from '../common/block-weights.ts';
import { CatchUp } from '../common/catch-up.ts';
import {
  childBlock,
  encodeAnchor,
  nextBits,
  rootBlock,
  workOfBits,
  type PowBlock,
  type PowTreeBlock,
} from './branch.ts';
import { decodeExtra, encodeExtra } from './extra.ts';
import { checkHeader } from './header-check.ts';
import { Mining, type MineView } from './mining.ts';
import type { PowParams } from './params.ts';
import { describePow } from './status.ts';
import { medianTime } from './times.ts';
import { SEAL_SIZE_BYTES } from './work-header.ts';

/**
 * Proof of work. How it works, what it keeps, and where it leaves Bitcoin, is in README.md beside this file.
 *
 * States: silent (from `start` to `ready`, blocks are only taken in), then speaking. Every step takes the event in, then
 * settles: announce the head, bring the mining into line with it. The head moves when a block is taken in that makes a
 * branch heavier than it; all else is a function of the tree and the clock.
 */

/** A head older than this, and than so many block times, may be one that others have long left behind. */
const OLD_MS_MIN: Millis = 20_000;
const OLD_BLOCK_TIMES = 20;

export class PowEngine implements Engine {
  readonly #params: PowParams;
  readonly #env: EngineEnv;
  readonly #mining: Mining | null;
  readonly #catchUp = new CatchUp();
  readonly #announcer = new Announcer();
  #tree: BlockWeights<PowBlock> | null = null;
  #head: PowTreeBlock | null = null;
  #now: Millis = 0;
  #isSpeaking = false;
  #isStopped = false;
  #blocksMined = 0;
  #reorgs = 0;
  #reorgDepthMax = 0;

  constructor(params: PowParams, env: EngineEnv) {
    this.#params = params;
    this.#env = env;
    this.#mining = env.self === null ? null : new Mining(params, env.crypto);
  }

  step(event: EngineEvent): readonly EngineEffect[] {
    if (this.#isStopped) return [];
    this.#now = event.now;
    if (event.type === 'stop') {
      this.#isStopped = true;
      return [];
    }
    const effects = this.#take(event);
    if (this.#isSpeaking) effects.push(...this.#settle());
    return effects;
  }

  #take(event: Exclude<EngineEvent, { type: 'stop' }>): EngineEffect[] {
    const mining = this.#isSpeaking ? this.#mining : null;
    switch (event.type) {
      case 'start':
        return this.#start(event);
      case 'imported':
        return this.#imported(event);
      case 'ready':
        this.#isSpeaking = true;
        this.#finalize();
        return [];
      case 'built':
        return mining?.built(event.job, event.header, this.#now) ?? [];
      case 'worked':
        return mining?.worked(event.job, event.value, this.#now) ?? [];
      case 'failed':
        return mining?.failed(event.job, event.code, this.#now) ?? [];
      case 'timer':
        if (event.id === mining?.alarm.id) mining.alarm.fired();
        return [];
      case 'demand':
        if (event.pendingTxs > 0) mining?.demanded(this.#now);
        return [];
      case 'syncing':
        return this.#catchUp.syncing(event.behindBlocks, this.#now);
      case 'justified':
      case 'invalid':
      case 'message':
      case 'propose':
        return [];
      default:
        return unreachable(event);
    }
  }

  checkHeader(header: Header, _parent: Header, _author: Address, how: HowReceived): Verdict {
    const [tree, head] = [this.#tree, this.#head];
    if (tree === null || head === null) return later('NOT_STARTED');
    const { chainId, shard, crypto } = this.#env;
    return checkHeader({ params: this.#params, chainId, shard, crypto, tree, head }, header, how);
  }

  checkMessage(_message: SignedMessage): Verdict {
    return reject('POW_MESSAGES');
  }

  /** Who is paid is who mined it: work proves nothing else about anybody. */
  author(header: Header): Address {
    if (header.seal.length !== SEAL_SIZE_BYTES || decodeExtra(header.extra) === null) {
      throw new CodecError('SEAL_INVALID', 'seal and extra are not those of a proof of work');
    }
    return header.beneficiary;
  }

  validatorsFor(block: Hash): ValidatorSet | undefined {
    return this.#tree?.get(block) === undefined ? undefined : [];
  }

  validatorsAfter(block: Hash): ValidatorSet | undefined {
    return this.validatorsFor(block);
  }

  describe(): EngineStatus {
    return describePow({
      params: this.#params,
      root: this.#tree?.root ?? null,
      head: this.#head,
      safe: this.#head === null ? null : this.#safe(this.#head),
      isMining: this.#mining !== null && this.#mayMine(),
      isSearching: this.#mining?.isSearching ?? false,
      isLagging: this.#isLagging(),
      timers: shownAlarms(this.#mining === null ? [] : [this.#mining.alarm]),
      counters: { reorgs: this.#reorgs, blocksMined: this.#blocksMined, treeBlocks: this.#tree?.size ?? 0 },
      reorgDepthMax: this.#reorgDepthMax,
    });
  }

  // Taking in

  #start(event: Extract<EngineEvent, { type: 'start' }>): EngineEffect[] {
    assert(this.#tree === null, 'an engine is started once');
    const { finalized: header, finalizedHash: hash } = event;
    const data = rootBlock(event, this.#params);
    this.#tree = new BlockWeights({ hash, parentHash: header.parentHash, number: header.number, data });
    this.#head = this.#tree.root;
    return [];
  }

  #imported(event: Extract<EngineEvent, { type: 'imported' }>): EngineEffect[] {
    const { hash, header, origin } = event;
    const tree = this.#started();
    const parent = tree.get(header.parentHash);
    if (parent === undefined || tree.get(hash) !== undefined) return [];
    const data = childBlock(parent.data, header, this.#params);
    const { number, parentHash } = header;
    const block = tree.add({ hash, parentHash, number, weight: workOfBits(data.bits), data });
    if (origin === 'own') this.#blocksMined++;
    const effects = origin === 'sync' ? this.#catchUp.fetched(this.#now) : [];
    // Of two alike the one seen first stays, so that nobody gains by holding a block back.
    if (this.#head === null || block.weight > this.#head.weight) this.#moveHead(block);
    return effects;
  }

  #moveHead(head: PowTreeBlock): void {
    const before = this.#head;
    this.#head = head;
    if (before !== null && head.parentHash !== before.hash && this.#isSpeaking) {
      this.#reorgs++;
      this.#reorgDepthMax = Math.max(this.#reorgDepthMax, before.number - this.#common(before, head).number);
    }
    // Stored blocks come in any order of branches: a lighter one must not be final before the head is back.
    if (this.#isSpeaking) this.#finalize();
  }

  #finalize(): void {
    const tree = this.#started();
    const finalized = this.#ancestor(this.#head ?? tree.root, this.#params.confirmations);
    if (finalized.number <= tree.root.number) return;
    tree.reroot(finalized.hash);
    this.#announcer.prove({ justification: null, anchor: encodeAnchor(finalized.data) });
    this.#env.trace('finalized', { number: finalized.number, hash: finalized.hash });
  }

  // Looking around

  /** So many blocks down, or the root. */
  #ancestor(from: PowTreeBlock, depth: number): PowTreeBlock {
    const tree = this.#started();
    let at = from;
    for (let i = 0; i < depth && at !== tree.root; i++) at = tree.get(at.parentHash) ?? tree.root;
    return at;
  }

  #common(a: PowTreeBlock, b: PowTreeBlock): PowTreeBlock {
    let [left, right] = [a, b];
    while (left !== right) {
      if (left.number >= right.number) left = this.#ancestor(left, 1);
      else right = this.#ancestor(right, 1);
    }
    return left;
  }

  #safe(head: PowTreeBlock): PowTreeBlock {
    return this.#ancestor(head, Math.ceil(this.#params.confirmations / 2));
  }

  // Speaking

  #settle(): EngineEffect[] {
    const head = this.#head;
    if (head === null) return [];
    const effects = this.#announcer.announce(head.hash, this.#started().root.hash, () => this.#safe(head).hash);
    const view = this.#mayMine() ? this.#mineView(head) : null;
    return [...effects, ...(this.#mining?.plan(view, this.#now) ?? [])];
  }

  #mineView(head: PowTreeBlock): MineView {
    const { chainId, shard } = this.#env;
    const bits = nextBits(head.data, this.#params);
    return {
      parent: head.hash,
      timeMsMin: Math.max(head.data.timeMs, medianTime(head.data.times)) + 1,
      bits,
      extra: encodeExtra({ chainId, shard, bits }),
    };
  }

  #mayMine(): boolean {
    return this.#isSpeaking && !this.#isLagging();
  }

  /**
   * Far behind by the host's word, which rests on what peers say, and by the head's own time. Anybody can make a light
   * branch and feed it to us for long, while our head is one that others mine on.
   */
  #isLagging(): boolean {
    if (this.#head === null) return false;
    const headAgeMs = this.#now - this.#head.data.timeMs;
    const oldMs = Math.max(OLD_MS_MIN, OLD_BLOCK_TIMES * this.#params.blockTimeMs);
    return headAgeMs > oldMs && this.#catchUp.isLagging(this.#now);
  }

  #started(): BlockWeights<PowBlock> {
    assert(this.#tree !== null, 'the engine was started');
    return this.#tree;
  }
}
