import { encodeHeader } from '../../../src/codec/block.ts';
import { VOTES_PER_BLOCK_MAX, type Header } from '../../../src/types/block.ts';
import type { SignedMessage } from '../../../src/types/message.ts';
import type { Address, Bytes, Hash, Millis } from '../../../src/types/primitives.ts';
import type { StakingRules } from '../../../src/types/staking.ts';
import type { ValidatorSet } from '../../../src/types/validator.ts';
import { assert, unreachable } from '../../../src/util/assert.ts';
import type { EngineEffect } from '../../api/effect.ts';
import type { Engine, EngineEnv, HowReceived } from '../../api/engine.ts';
import type { EngineEvent } from '../../api/event.ts';
import type { EngineStatus } from '../../api/status.ts';
import { later, type Verdict } from '../../api/verdict.ts';
import { shownAlarms, type Alarm } from '../alarm.ts';
import { Announcer } from '../announcer.ts';
import { BlockWeights } from '../block-weights.ts';
import { CatchUp } from '../catch-up.ts';
import { EvidenceDesk } from '../evidence-desk.ts';
import { FailedBlocks } from '../failed-blocks.ts';
import { encodeJustification } from '../ffg-justification.ts';
import { voteEvidence } from '../ffg-offence.ts';
import { decodeVote, type FfgVote } from '../ffg-vote.ts';
import type { FfgState } from '../ffg.ts';
import { sealAuthor } from '../sealed-header.ts';
import { Sightings } from '../sightings.ts';
import { VotePool } from '../vote-pool.ts';
import { checkAttestation } from './attestation-check.ts';
import { Attester } from './attester.ts';
import { childBlock, encodeAnchor, rootBlock, type SlotBlock, type SlotTreeBlock } from './branch.ts';
import { DutyRoster } from './duty-roster.ts';
import { decodeExtra, encodeExtra } from './extra.ts';
import type { SlotFamily } from './family.ts';
import { checkHeader, isFitToCarry } from './header-check.ts';
import { chooseHead } from './head.ts';
import { LatestMessages } from './latest-messages.ts';
import { makeReveal } from './reveals.ts';
import { SlotSealer, type SealView } from './slot-sealer.ts';
import { epochOf, slotOf } from './slot-times.ts';
import { describeSlots } from './status.ts';

/**
 * Slots, attestations, LMD-GHOST and FFG, after Buterin et al., "Combining GHOST and Casper" (2020).
 *
 * 1. Time is cut into slots and epochs. For each slot one validator is drawn, from the state of the block it builds on. It makes at most one block.
 * 2. The first block of an epoch on a branch is the epoch's checkpoint. Each validator of the set before it attests once in the epoch, in a slot
 *    that is drawn: for the checkpoint (FFG, rules in ../ffg.ts) and for its head (LMD).
 * 3. Head: LMD-GHOST from the highest justified checkpoint known, over leaves whose own branch shows that justification. So a validator never has to
 *    vote from a source below one it voted from before.
 * 4. Only attestations in blocks justify, finalize and are paid. Attestations by gossip steer the head and wait for a block.
 * 5. Two blocks in one slot, two attestations in one epoch, one around the other: evidence, once for each offender and while.
 * 6. Silent until `ready`, and while far behind. Slot and attestation are saved before they are signed; the signer's guard knows them too.
 *
 * What work earns and costs is in settle.ts, randomness in reveals.ts.
 */
export class SlotEngine implements Engine {
  readonly #family: SlotFamily;
  readonly #env: EngineEnv;
  readonly #roster: DutyRoster;
  readonly #attester: Attester | null;
  readonly #sealer: SlotSealer | null;
  readonly #pool = new VotePool();
  readonly #latest = new LatestMessages();
  readonly #failed = new FailedBlocks();
  readonly #evidence: EvidenceDesk;
  readonly #sightings = new Sightings();
  readonly #catchUp = new CatchUp();
  readonly #announcer = new Announcer();
  #tree: BlockWeights<SlotBlock> | null = null;
  #head: SlotTreeBlock | null = null;
  #headSeenAt: Millis = 0;
  #now: Millis = 0;
  #isSpeaking = false;
  #isStopped = false;
  /** Something was heard that may move the head. */
  #isHeadOpen = false;
  /** Who may have a say here: everybody else's messages are not kept. */
  #voters = new Set<Address>();
  #reorgs = 0;

  constructor(
    family: SlotFamily,
    env: EngineEnv,
    saved: ReadonlyMap<string, Bytes>,
    rules: Pick<StakingRules, 'unbondingEpochs' | 'jailEpochs'>,
  ) {
    const epochs = Math.max(1, Math.min(Math.floor(rules.unbondingEpochs / 2), rules.jailEpochs));
    this.#evidence = new EvidenceDesk(epochs * family.params.slotsPerEpoch);
    this.#family = family;
    this.#env = env;
    this.#roster = new DutyRoster(family.params, env.crypto);
    this.#attester = env.self === null ? null : new Attester(env.self, family, this.#roster, saved);
    this.#sealer = env.self === null ? null : new SlotSealer(env.self, family, env.crypto, saved);
  }

  step(event: EngineEvent): readonly EngineEffect[] {
    if (this.#isStopped) return [];
    this.#now = event.now;
    if (event.type === 'stop') {
      this.#isStopped = true;
      return [];
    }
    const effects = this.#take(event);
    if (this.#isHeadOpen) this.#chooseHead();
    if (this.#isSpeaking) this.#settle(effects);
    return effects;
  }

  #take(event: Exclude<EngineEvent, { type: 'stop' }>): EngineEffect[] {
    switch (event.type) {
      case 'start':
        return this.#start(event);
      case 'imported':
        return this.#imported(event);
      case 'ready':
        this.#isSpeaking = true;
        this.#headSeenAt = this.#now;
        this.#sightings.begin(this.#now);
        return this.#attester?.resume() ?? [];
      case 'message':
        return this.#message(event.message, event.peer);
      case 'built':
        return this.#mayAct() ? (this.#sealer?.built(event.job, event.header, this.#now) ?? []) : [];
      case 'failed':
        this.#sealer?.failed(event.job, this.#now);
        return [];
      case 'timer':
        return this.#timer(event.id);
      case 'syncing':
        return this.#catchUp.syncing(event.behindBlocks, this.#now);
      case 'invalid':
        this.#failed.note(event.author, decodeExtra(event.header.extra)?.slot ?? 0);
        return [];
      case 'demand':
      case 'propose':
      case 'justified':
      case 'worked':
        return [];
      default:
        return unreachable(event);
    }
  }

  checkHeader(header: Header, _parent: Header, author: Address, how: HowReceived): Verdict {
    if (this.#tree === null) return later('NOT_STARTED');
    const { chainId, shard, crypto: hasher } = this.#env;
    const own = { family: this.#family, chainId, shard, hasher };
    const context = { ...own, tree: this.#tree, failed: this.#failed };
    return checkHeader(context, header, author, how);
  }

  checkMessage(message: SignedMessage): Verdict {
    if (this.#tree === null) return later('NOT_STARTED');
    const isKnown = ({ from }: SignedMessage): boolean => this.#voters.has(from);
    const context = { family: this.#family, tree: this.#tree, roster: this.#roster, isKnown, now: this.#now };
    return checkAttestation(context, message);
  }

  author(header: Header): Address {
    return sealAuthor(header, this.#env.crypto);
  }

  validatorsFor(block: Hash): ValidatorSet | undefined {
    return this.#tree?.get(block)?.data.validatorsBefore;
  }

  validatorsAfter(block: Hash): ValidatorSet | undefined {
    return this.#tree?.get(block)?.data.state.validators;
  }

  describe(): EngineStatus {
    return describeSlots({
      family: this.#family,
      hasher: this.#env.crypto,
      self: this.#env.self,
      now: this.#now,
      root: this.#tree?.root ?? null,
      head: this.#head,
      headSeenAt: this.#headSeenAt,
      safe: this.#head === null ? null : this.#safe(this.#head),
      pool: this.#pool,
      sightings: this.#sightings,
      isSealing: this.#sealer?.isSealing === true,
      timers: shownAlarms(this.#alarms()),
      counters: { reorgs: this.#reorgs, evidence: this.#evidence.count, pooledVotes: this.#pool.size },
      isLagging: this.#catchUp.isLagging(this.#now),
    });
  }

  // Taking in

  #start(event: Extract<EngineEvent, { type: 'start' }>): EngineEffect[] {
    assert(this.#tree === null, 'an engine is started once');
    const { finalized: header, finalizedHash: hash } = event;
    const data = rootBlock(event);
    this.#tree = new BlockWeights({ hash, parentHash: header.parentHash, number: header.number, data });
    this.#head = this.#tree.root;
    this.#headSeenAt = this.#now;
    this.#learnVoters();
    return [];
  }

  #imported(event: Extract<EngineEvent, { type: 'imported' }>): EngineEffect[] {
    const { hash, header, author, votes, origin } = event;
    const tree = this.#started();
    const parent = tree.get(header.parentHash);
    if (parent === undefined || tree.get(hash) !== undefined) return [];
    const data = childBlock(this.#family, parent.data, event);
    const effects = this.#sealedTwice(header, data, hash);
    tree.add({ hash, parentHash: header.parentHash, number: header.number, weight: 0n, data });

    const isFresh = origin === 'gossip' || origin === 'own';
    this.#sightings.note(author, header.number, this.#now, isFresh);
    if (author === this.#env.self) this.#sealer?.imported(data.slots.slot);
    if (origin === 'sync') effects.push(...this.#catchUp.fetched(this.#now));
    for (const message of votes) effects.push(...this.#hear(message, isFresh));
    effects.push(...this.#finalize(data.ffg));
    this.#isHeadOpen = true;
    return effects;
  }

  #message(message: SignedMessage, peer: string | null): EngineEffect[] {
    const effects = this.#hear(message, true);
    const head = this.#head;
    if (peer === null || head === null) return effects;
    const voters = head.data.active.map(({ address }) => address);
    const view = { pool: this.#pool, distance: this.#family.params.slotsPerEpoch, headNumber: head.data.slots.slot };
    return [...effects, ...this.#catchUp.lookAhead(voters, view)];
  }

  /** Attestations come by gossip and in blocks; all of them may be wanted in a block on another branch. */
  #hear(message: SignedMessage, isFresh: boolean): EngineEffect[] {
    const vote = decodeVote(message.payload);
    if (vote?.attested === undefined || !this.#voters.has(message.from) || !this.#isTimely(vote)) return [];
    this.#sightings.note(message.from, this.#head?.number ?? 0, this.#now, isFresh);
    if (message.from === this.#env.self) this.#attester?.heard(message, vote);
    if (this.#latest.note(message.from, vote.attested)) this.#isHeadOpen = true;
    const { conflict } = this.#pool.add(message, vote);
    if (conflict === null) return [];
    this.#latest.exclude(message.from, Math.max(this.#nowSlot(), vote.attested.slot));
    this.#isHeadOpen = true;
    return this.#evidence.report(voteEvidence(conflict, message), vote.attested.slot);
  }

  /** Votes for times to come would push the real ones out of the pool, which keeps the newest, and hush up what is found after them. */
  #isTimely({ target, attested }: FfgVote): boolean {
    const { params } = this.#family;
    if (attested === undefined || epochOf(params, attested.slot) !== target.epoch) return false;
    return target.epoch <= epochOf(params, this.#nowSlot()) + 1;
  }

  #nowSlot(): number {
    const { genesisMs } = this.#started().root.data.slots;
    return Math.max(0, slotOf(this.#family.params, genesisMs, this.#now));
  }

  #sealedTwice(header: Header, data: SlotBlock, hash: Hash): EngineEffect[] {
    for (const other of this.#started().all()) {
      if (other.hash === hash || other.data.author === null || other.data.author !== data.author) continue;
      if (other.data.slots.slot !== data.slots.slot) continue;
      const [first, second] = [encodeHeader(other.data.header), encodeHeader(header)];
      return this.#evidence.report({ kind: 'headers', offender: data.author, first, second }, data.slots.slot);
    }
    return [];
  }

  #timer(id: string): EngineEffect[] {
    if (id === this.#sealer?.alarm.id) this.#sealer.alarm.fired();
    return this.#head === null ? [] : (this.#attester?.timerFired(id, this.#head) ?? []);
  }

  // Deciding

  /** Takes over what a block's attestations finalize, and forgets all that conflicts with it. */
  #finalize(ffg: FfgState): EngineEffect[] {
    const tree = this.#started();
    const block = tree.get(ffg.finalized.hash);
    if (block === undefined || block.number <= tree.root.number) return [];
    tree.reroot(block.hash);
    this.#announcer.prove({ justification: encodeJustification(ffg), anchor: encodeAnchor(block.data) });
    this.#learnVoters();
    this.#env.trace('finalized', { number: block.number, hash: block.hash });
    return [];
  }

  #chooseHead(): void {
    this.#isHeadOpen = false;
    const head = chooseHead(this.#started(), this.#latest.heads(), this.#pool);
    if (head.hash === this.#head?.hash) return;
    if (this.#head !== null && head.parentHash !== this.#head.hash && this.#isSpeaking) this.#reorgs++;
    this.#head = head;
    this.#headSeenAt = this.#now;
    this.#learnVoters();
  }

  /** The head's highest justified block, as far as the tree still reaches. */
  #safe(head: SlotTreeBlock): SlotTreeBlock {
    const tree = this.#started();
    const safe = tree.get(head.data.ffg.justified.hash);
    return safe !== undefined && tree.isAncestor(safe.hash, head.hash) ? safe : tree.root;
  }

  #learnVoters(): void {
    const known = [this.#tree?.root, this.#head ?? undefined].flatMap((block) => {
      if (block === undefined) return [];
      const sets = [...block.data.ffg.eras.map((era) => era.validators), block.data.active];
      return sets.flatMap((set) => set.map(({ address }) => address));
    });
    this.#voters = new Set(known);
    const isKnown = (address: Address): boolean => this.#voters.has(address);
    this.#pool.retain(isKnown);
    this.#latest.retain(isKnown);
    this.#sightings.retain(isKnown);
  }

  // Speaking

  #settle(effects: EngineEffect[]): void {
    const head = this.#head;
    if (head === null) return;
    effects.push(...this.#announcer.announce(head.hash, this.#started().root.hash, () => this.#safe(head).hash));
    if (this.#mayAct()) {
      const newest = head.data.ffg.targets.at(-1)?.checkpoint.hash;
      const checkpoint = newest === undefined ? undefined : this.#started().get(newest);
      effects.push(...(this.#attester?.plan(head, checkpoint, this.#now) ?? []));
    }
    effects.push(...(this.#sealer?.plan(this.#mayAct() ? this.#sealView(head) : null, this.#now) ?? []));
  }

  #sealView(head: SlotTreeBlock): SealView {
    // What was heard before its checkpoint was known could not be judged then.
    const context = { tree: this.#started(), roster: this.#roster };
    const isSound = (message: SignedMessage): boolean => isFitToCarry(context, head.data, message);
    return {
      head,
      unfinalizedBlocks: head.number - this.#started().root.number,
      content: (slot) => ({
        extra: encodeExtra({ ...this.#place(slot), ...this.#reveal(head, slot) }),
        votes: this.#pool.select(head.data.ffg, VOTES_PER_BLOCK_MAX, { rewarded: true }).filter(isSound),
      }),
    };
  }

  #place(slot: number): { readonly chainId: number; readonly shard: number; readonly slot: number } {
    return { chainId: this.#env.chainId, shard: this.#env.shard, slot };
  }

  #reveal(head: SlotTreeBlock, slot: number): ReturnType<typeof makeReveal> {
    const { self, secret, crypto: hasher } = this.#env;
    assert(self !== null && secret !== null, 'who makes blocks has a key');
    return makeReveal(head.data.slots, self, epochOf(this.#family.params, slot), { secret, hasher });
  }

  #alarms(): readonly Alarm[] {
    return [...(this.#attester?.alarms ?? []), ...(this.#sealer === null ? [] : [this.#sealer.alarm])];
  }

  #mayAct(): boolean {
    return this.#isSpeaking && !this.#catchUp.isLagging(this.#now);
  }

  #started(): BlockWeights<SlotBlock> {
    assert(this.#tree !== null, 'the engine was started');
    return this.#tree;
  }
}
