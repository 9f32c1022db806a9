import { poaFactory } from '../../../../consensus/poa/factory.ts';
import { encodeExtra, type SealerVote } from '../../../../consensus/poa/extra.ts';
import { encodeVote, type FfgVote } from '../../../../consensus/common/ffg-vote.ts';
import type { EngineEffect } from '../../../../consensus/api/effect.ts';
import type { Engine } from '../../../../consensus/api/engine.ts';
import type { EngineEvent, Origin } from '../../../../consensus/api/event.ts';
import type { Verdict } from '../../../../consensus/api/verdict.ts';
import type { Header, UnsealedHeader } from '../../../../src/types/block.ts';
import type { SignedMessage } from '../../../../src/types/message.ts';
import type { Address, Bytes, Hash } from '../../../../src/types/primitives.ts';
import type { ConsensusState } from '../../../../src/types/validator.ts';
import { fakeCrypto, fakeSign, rigAddress, rigHeader, sealed } from '../../../conformance/rig-parts.ts';

export const CHAIN = { chainId: 31337, shard: 0 };
export const crypto = fakeCrypto({ ...CHAIN, engineId: 'poa' });
export const START_MS = 1_700_000_000_000;

export type MadeBlock = {
  readonly hash: Hash;
  readonly header: Header;
  readonly author: Address;
  readonly votes: readonly SignedMessage[];
  readonly state: ConsensusState;
};
export type BlockSpec = {
  readonly votes?: readonly SignedMessage[];
  readonly vote?: SealerVote | null;
  readonly timeMs?: number;
  readonly extra?: Bytes;
  readonly gasUsed?: number;
  readonly mark?: number;
};

export function authority(index: number): Address {
  return rigAddress(index);
}

export function signedVote(voter: Address, vote: FfgVote): SignedMessage {
  const payload = encodeVote(vote);
  return { from: voter, payload, signature: fakeSign(crypto.messageDigest(payload), voter) };
}

/** One engine, and the means to make every other authority's blocks and votes by hand. */
export class Harness {
  readonly params: ReturnType<typeof poaFactory.parseParams>;
  readonly engine: Engine;
  readonly genesis: MadeBlock;
  readonly effects: EngineEffect[] = [];
  now = START_MS;
  readonly #blocks = new Map<Hash, MadeBlock>();

  constructor(options: {
    readonly authorities: number | readonly Address[];
    readonly params?: unknown;
    readonly self?: Address | null;
    readonly saved?: ReadonlyMap<string, Bytes>;
  }) {
    this.params = poaFactory.parseParams(options.params ?? {});
    const addresses =
      typeof options.authorities === 'number'
        ? Array.from({ length: options.authorities }, (_, i) => authority(i))
        : options.authorities;
    const state = { validators: addresses.map((address) => ({ address, power: 1n, jailed: false })), votes: [] };
    const header = sealed(rigHeader({ number: 0, timeMs: START_MS - 60_000 }), new Uint8Array(0));
    this.genesis = { hash: crypto.headerHash(header), header, author: authority(0), votes: [], state };
    this.#blocks.set(this.genesis.hash, this.genesis);
    const env = {
      ...CHAIN,
      self: options.self ?? null,
      tree: { header: (hash: Hash) => this.#blocks.get(hash)?.header, isAncestor: () => false },
      crypto,
      secret: null,
      random: () => 0.5,
      trace: () => {},
    };
    this.engine = poaFactory.create(this.params, env, options.saved ?? new Map());
  }

  /** From genesis, ready to speak. */
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

  make(parent: MadeBlock, author: Address, spec: BlockSpec = {}): MadeBlock {
    const number = parent.header.number + 1;
    const count = parent.state.validators.length;
    const unsealed: UnsealedHeader = rigHeader({
      parentHash: parent.hash,
      number,
      // Late enough for every rank.
      timeMs:
        spec.timeMs ?? parent.header.timeMs + Math.max(this.params.blockTimeMs, 1) + count * this.params.backupDelayMs,
      extra: spec.extra ?? encodeExtra({ ...CHAIN, vote: spec.vote ?? null }),
      gasUsed: spec.gasUsed ?? 0,
      gasLimit: 30_000_000 + (spec.mark ?? 0),
    });
    const header = sealed(unsealed, fakeSign(crypto.sealHash(unsealed), author));
    const state = poaFactory.advance(this.params, parent.state, header, author);
    const block = { hash: crypto.headerHash(header), header, author, votes: spec.votes ?? [], state };
    this.#blocks.set(block.hash, block);
    return block;
  }

  check(block: MadeBlock, parent: MadeBlock, origin: Origin = 'gossip'): Verdict {
    const how = { origin, now: this.now, votes: block.votes, justification: null, peer: null };
    return this.engine.checkHeader(block.header, parent.header, this.engine.author(block.header), how);
  }

  import(block: MadeBlock, origin: Origin = 'gossip'): EngineEffect[] {
    this.now = Math.max(this.now, block.header.timeMs);
    const { hash, header, author, votes, state } = block;
    return this.step({ type: 'imported', hash, header, author, votes, state, origin, justification: null });
  }

  hear(message: SignedMessage): EngineEffect[] {
    return this.step({ type: 'message', message, peer: message.from === '0x' ? null : 'peer' });
  }

  /** A chain in turn, each block with everybody's votes for its parent, so that all but the last two get final. */
  chain(length: number): MadeBlock[] {
    const blocks = [this.genesis];
    for (let i = 0; i < length; i++) {
      const parent = blocks.at(-1) ?? this.genesis;
      const { validators } = parent.state;
      const source = blocks.at(-2);
      const votes =
        source === undefined
          ? []
          : validators.map(({ address }) =>
              signedVote(address, {
                source: { epoch: source.header.number, hash: source.hash },
                target: { epoch: parent.header.number, hash: parent.hash },
              }),
            );
      const author = validators[(parent.header.number + 1) % validators.length]?.address ?? authority(0);
      const block = this.make(parent, author, { votes });
      this.import(block);
      blocks.push(block);
    }
    return blocks;
  }
}

export function only<T extends EngineEffect['type']>(
  effects: readonly EngineEffect[],
  type: T,
): Extract<EngineEffect, { type: T }>[] {
  return effects.filter((effect): effect is Extract<EngineEffect, { type: T }> => effect.type === type);
}
