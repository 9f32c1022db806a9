import type { EngineEffect } from '../../../../consensus/api/effect.ts';
import type { Engine } from '../../../../consensus/api/engine.ts';
import type { EngineEvent, Origin } from '../../../../consensus/api/event.ts';
import type { Verdict } from '../../../../consensus/api/verdict.ts';
import { encodeVote, type FfgVote } from '../../../../consensus/common/ffg-vote.ts';
import { advanceFfg, initialFfgState, type FfgState } from '../../../../consensus/common/ffg.ts';
import { activeValidators } from '../../../../consensus/common/quorum.ts';
import { committeesOf } from '../../../../consensus/common/slots/committees.ts';
import { drawByPower } from '../../../../consensus/common/slots/draw.ts';
import { encodeExtra, type SlotExtra } from '../../../../consensus/common/slots/extra.ts';
import { makeReveal } from '../../../../consensus/common/slots/reveals.ts';
import { seedFor } from '../../../../consensus/common/slots/seeds.ts';
import { decodeSlotState, type SlotState } from '../../../../consensus/common/slots/slot-state.ts';
import { epochOf, firstSlotOf, slotStartMs } from '../../../../consensus/common/slots/slot-times.ts';
import { posFactory } from '../../../../consensus/pos/factory.ts';
import type { Header } from '../../../../src/types/block.ts';
import type { SignedMessage } from '../../../../src/types/message.ts';
import type { Address, Bytes, Hash } from '../../../../src/types/primitives.ts';
import type { ConsensusState, ValidatorSet } from '../../../../src/types/validator.ts';
import { assert } from '../../../../src/util/assert.ts';
import { fakeCrypto, fakeSign, rigAddress, rigHeader, sealed } from '../../../conformance/rig-parts.ts';

export const CHAIN = { chainId: 31337, shard: 0 };
export const crypto = fakeCrypto({ ...CHAIN, engineId: 'pos' });
export const START_MS = 1_700_000_000_000;
export const COIN = 10n ** 18n;

export type MadeBlock = {
  readonly hash: Hash;
  readonly header: Header;
  readonly author: Address;
  readonly votes: readonly SignedMessage[];
  readonly state: ConsensusState;
  readonly slots: SlotState;
  readonly ffg: FfgState;
  readonly validatorsBefore: ValidatorSet;
};

export type BlockSpec = {
  readonly author?: Address;
  readonly votes?: readonly SignedMessage[];
  readonly timeMs?: number;
  readonly number?: number;
  /** Instead of what an honest author would say. */
  readonly extra?: Partial<SlotExtra> | Bytes;
  readonly seal?: Bytes;
  /** Makes two blocks of one author differ. */
  readonly mark?: number;
  /** After the block, as an election would have it. */
  readonly validators?: ValidatorSet;
};

export function staked(...coins: readonly number[]): ValidatorSet {
  return coins.map((stake, i) => ({ address: rigAddress(i), power: BigInt(stake) * COIN, jailed: false }));
}

export function signedVote(voter: Address, vote: FfgVote): SignedMessage {
  const payload = encodeVote(vote);
  return { from: voter, payload, signature: fakeSign(crypto.messageDigest(payload), voter) };
}

/** As a key would give it: of the key and of the label only. */
export const secretOf =
  (who: Address) =>
  (label: Bytes): Bytes =>
    crypto.sha256(Buffer.concat([Buffer.from(who), label]));

/** One engine of proof of stake, and the means to make every other validator's blocks and attestations by hand. */
export class Harness {
  readonly params: ReturnType<typeof posFactory.parseParams>;
  readonly engine: Engine;
  readonly genesis: MadeBlock;
  readonly effects: EngineEffect[] = [];
  now = START_MS;
  readonly #blocks = new Map<Hash, MadeBlock>();

  constructor(options: {
    readonly validators: ValidatorSet;
    readonly params?: object;
    readonly self?: Address;
    readonly saved?: ReadonlyMap<string, Bytes>;
  }) {
    this.params = posFactory.parseParams({ blockTimeMs: 1000, slotsPerEpoch: 4, ...options.params });
    const { validators } = options;
    const header = sealed(rigHeader({ number: 0, timeMs: START_MS }), new Uint8Array(0));
    const hash = crypto.headerHash(header);
    const engine = seam().genesis(this.params, { timeMs: START_MS, validators });
    const state: ConsensusState = { validators, votes: [], engine };
    const [slots, ffg] = [decodeSlotState(state), initialFfgState({ hash, number: 0, validators, epoch: 0 })];
    const author = rigAddress(0);
    this.genesis = { hash, header, author, votes: [], state, slots, ffg, validatorsBefore: validators };
    this.#blocks.set(hash, this.genesis);
    const self = options.self ?? null;
    const env = {
      ...CHAIN,
      self,
      tree: { header: () => undefined, isAncestor: () => false },
      crypto,
      secret: self === null ? null : secretOf(self),
      random: () => 0.5,
      trace: () => {},
    };
    this.engine = posFactory.create(this.params, env, options.saved ?? new Map());
  }

  start(): this {
    const { header: finalized, hash: finalizedHash, state } = this.genesis;
    this.step({ type: 'start', finalized, finalizedHash, state, anchor: null });
    this.step({ type: 'ready' });
    return this;
  }

  step(event: EngineEvent extends infer E ? (E extends EngineEvent ? Omit<E, 'now'> : never) : never): EngineEffect[] {
    const effects = [...this.engine.step({ ...event, now: this.now })];
    this.effects.push(...effects);
    return effects;
  }

  proposer(parent: MadeBlock, slot: number): Address {
    const seed = seedFor(parent.slots, epochOf(this.params, slot), crypto);
    const drawn = drawByPower(activeValidators(parent.state.validators), seed, slot, crypto);
    assert(drawn !== null, 'somebody has a say');
    return drawn;
  }

  make(parent: MadeBlock, slot: number, spec: BlockSpec = {}): MadeBlock {
    const author = spec.author ?? this.proposer(parent, slot);
    const number = spec.number ?? parent.header.number + 1;
    const timeMs = spec.timeMs ?? slotStartMs(this.params, START_MS, slot);
    const votes = spec.votes ?? [];
    const modules = { secret: secretOf(author), hasher: crypto };
    const reveal = makeReveal(parent.slots, author, epochOf(this.params, slot), modules);
    const extra =
      spec.extra instanceof Uint8Array ? spec.extra : encodeExtra({ ...CHAIN, slot, ...reveal, ...spec.extra });
    const gasLimit = 30_000_000 + (spec.mark ?? 0);
    const unsealed = rigHeader({ parentHash: parent.hash, number, timeMs, extra, gasLimit });
    const header = sealed(unsealed, spec.seal ?? fakeSign(crypto.sealHash(unsealed), author));
    const hash = crypto.headerHash(header);
    const settled = { number, parentHash: parent.hash, timeMs, extra, author, votes };
    const { engine, epoch } = seam().settle(this.params, parent.state, settled, crypto);
    const validators = spec.validators ?? parent.state.validators;
    const state: ConsensusState = { validators, votes: [], engine };
    const ffg = advanceFfg(parent.ffg, { hash, number, votes, validators, epoch });
    const slots = decodeSlotState(state);
    const block = { hash, header, author, votes, state, slots, ffg, validatorsBefore: parent.state.validators };
    this.#blocks.set(hash, block);
    return block;
  }

  /** In which slots the validators attest to this checkpoint, and those who have left and on whom finality still waits. */
  duties(checkpoint: MadeBlock): ReadonlyMap<Address, number> {
    const { slots, validatorsBefore, ffg, header } = checkpoint;
    const waitedFor = ffg.eras.filter(({ from }) => from < header.number).flatMap(({ validators }) => validators);
    return new Map([
      ...waitedFor.map(({ address }) => [address, firstSlotOf(this.params, slots.epoch)] as const),
      ...committeesOf(this.params, slots.epoch, validatorsBefore, slots.seed, crypto),
    ]);
  }

  attestation(
    voter: Address,
    checkpoint: MadeBlock,
    head: MadeBlock,
    said: Partial<FfgVote> & { slot?: number } = {},
  ): SignedMessage {
    const target = { epoch: checkpoint.slots.epoch, hash: checkpoint.hash };
    const source = checkpoint.ffg.targets.find((item) => item.checkpoint.hash === checkpoint.hash)?.source;
    const slot = said.slot ?? this.duties(checkpoint).get(voter) ?? firstSlotOf(this.params, target.epoch);
    const link = { source: said.source ?? source ?? target, target: said.target ?? target };
    return signedVote(voter, { ...link, attested: said.attested ?? { slot, head: head.hash } });
  }

  check(block: MadeBlock, parent: MadeBlock, origin: Origin = 'gossip'): Verdict {
    const how = { origin, now: this.now, votes: block.votes, justification: null, peer: null };
    return this.engine.checkHeader(block.header, parent.header, block.author, how);
  }

  import(block: MadeBlock, origin: Origin = 'gossip'): EngineEffect[] {
    this.now = Math.max(this.now, block.header.timeMs);
    const { hash, header, author, votes, state } = block;
    return this.step({ type: 'imported', hash, header, author, votes, state, origin, justification: null });
  }

  hear(message: SignedMessage): EngineEffect[] {
    return this.step({ type: 'message', message, peer: 'peer' });
  }

  /** A block in each slot up to `last`, each with the attestations due in the slots before it that no block has. Imports them. */
  chain(from: MadeBlock, last: number, who: (address: Address) => boolean = () => true): MadeBlock[] {
    const blocks = [from];
    for (let slot = from.slots.slot + 1; slot <= last; slot++) {
      const parent = blocks.at(-1) ?? from;
      const votes = parent.ffg.targets.flatMap((target) => {
        const checkpoint = this.#blocks.get(target.checkpoint.hash);
        if (checkpoint === undefined) return [];
        const due = [...this.duties(checkpoint)].filter(([voter, at]) => at < slot && who(voter));
        const missing = due.filter(([voter]) => !target.votes.has(voter));
        return missing.map(([voter]) => this.attestation(voter, checkpoint, parent));
      });
      const block = this.make(parent, slot, { votes });
      this.import(block);
      blocks.push(block);
    }
    return blocks;
  }
}

function seam(): NonNullable<typeof posFactory.staking> {
  assert(posFactory.staking !== undefined, 'proof of stake stakes');
  return posFactory.staking;
}

export function only<T extends EngineEffect['type']>(
  effects: readonly EngineEffect[],
  type: T,
): Extract<EngineEffect, { type: T }>[] {
  return effects.filter((effect): effect is Extract<EngineEffect, { type: T }> => effect.type === type);
}

export function at<T>(items: readonly T[], index: number): T {
  const item = items.at(index);
  assert(item !== undefined, `there is an item ${index}`);
  return item;
}
