import type { EngineEffect } from '../../../../consensus/api/effect.ts';
import type { Engine } from '../../../../consensus/api/engine.ts';
import type { EngineEvent, Origin } from '../../../../consensus/api/event.ts';
import type { Verdict } from '../../../../consensus/api/verdict.ts';
import { childBlock, nextBits, rootBlock, type PowBlock } from '../../../../consensus/pow/branch.ts';
import { targetOf } from '../../../../consensus/pow/compact.ts';
import { encodeExtra } from '../../../../consensus/pow/extra.ts';
import { powFactory } from '../../../../consensus/pow/factory.ts';
import { encodeSeal, workData } from '../../../../consensus/pow/work-header.ts';
import type { Header, UnsealedHeader } from '../../../../src/types/block.ts';
import type { Address, Bytes, Hash } from '../../../../src/types/primitives.ts';
import { fakeCrypto, findNonce, rigAddress, rigHeader, sealed } from '../../../conformance/rig-parts.ts';

export const CHAIN = { chainId: 31337, shard: 0 };
export const crypto = fakeCrypto({ ...CHAIN, engineId: 'pow' });
export const START_MS = 1_700_000_000_000;
const EMPTY_STATE = { validators: [], votes: [] };

export type MadeBlock = { readonly hash: Hash; readonly header: Header; readonly pow: PowBlock };
export type BlockSpec = {
  /** After the parent's. */
  readonly afterMs?: number;
  readonly extra?: Bytes;
  readonly bits?: number;
  /** Blocks that are otherwise alike differ by it. */
  readonly mark?: number;
  readonly isUnworked?: boolean;
};

/** One engine, and the means to make everybody else's blocks by hand. Difficulty is low: a few tries to a block. */
export class Harness {
  readonly params: ReturnType<typeof powFactory.parseParams>;
  readonly engine: Engine;
  readonly genesis: MadeBlock;
  readonly effects: EngineEffect[] = [];
  now = START_MS;

  constructor(options: { readonly params?: object; readonly self?: Address | null } = {}) {
    this.params = powFactory.parseParams({ hashRate: 16, blockTimeMs: 1000, ...options.params });
    const header = sealed(rigHeader({ number: 0, timeMs: START_MS - 60_000 }), new Uint8Array(0));
    const pow = rootBlock({ finalized: header, anchor: null }, this.params);
    this.genesis = { hash: crypto.headerHash(header), header, pow };
    const env = {
      ...CHAIN,
      self: options.self ?? null,
      tree: { header: () => undefined, isAncestor: () => false },
      crypto,
      secret: null,
      random: () => 0.5,
      trace: () => {},
    };
    this.engine = powFactory.create(this.params, env, new Map());
  }

  start(from: MadeBlock = this.genesis, anchor: Bytes | null = null): this {
    this.begin(from, anchor);
    this.step({ type: 'ready' });
    return this;
  }

  /** Without `ready`: what is imported now is replayed. */
  begin(from: MadeBlock, anchor: Bytes | null): this {
    this.step({ type: 'start', finalized: from.header, finalizedHash: from.hash, state: EMPTY_STATE, anchor });
    return this;
  }

  step(event: EngineEvent extends infer E ? (E extends EngineEvent ? Omit<E, 'now'> : never) : never): EngineEffect[] {
    const effects = [...this.engine.step({ ...event, now: this.now })];
    this.effects.push(...effects);
    return effects;
  }

  make(parent: MadeBlock, spec: BlockSpec = {}): MadeBlock {
    const bits = spec.bits ?? nextBits(parent.pow, this.params);
    const unsealed = rigHeader({
      parentHash: parent.hash,
      number: parent.header.number + 1,
      timeMs: parent.header.timeMs + (spec.afterMs ?? 1000),
      extra: spec.extra ?? encodeExtra({ ...CHAIN, bits }),
      gasLimit: 30_000_000 + (spec.mark ?? 0),
      beneficiary: rigAddress(7),
    });
    const header = sealed(unsealed, sealOf(unsealed, bits, spec.isUnworked === true));
    return { hash: crypto.headerHash(header), header, pow: childBlock(parent.pow, header, this.params) };
  }

  /** So many blocks, one on the other; without the parent. */
  chain(parent: MadeBlock, length: number, spec: BlockSpec = {}): MadeBlock[] {
    const blocks: MadeBlock[] = [];
    for (let i = 0; i < length; i++) blocks.push(this.make(blocks.at(-1) ?? parent, spec));
    return blocks;
  }

  check(block: MadeBlock, origin: Origin = 'gossip'): Verdict {
    const how = { origin, now: this.now, votes: [], justification: null, peer: null };
    return this.engine.checkHeader(block.header, this.genesis.header, this.engine.author(block.header), how);
  }

  import(block: MadeBlock, origin: Origin = 'gossip'): EngineEffect[] {
    this.now = Math.max(this.now, block.header.timeMs);
    const { hash, header } = block;
    const author = this.engine.author(header);
    return this.step({
      type: 'imported',
      hash,
      header,
      author,
      votes: [],
      state: EMPTY_STATE,
      origin,
      justification: null,
    });
  }

  importAll(blocks: readonly MadeBlock[]): EngineEffect[] {
    return blocks.flatMap((block) => this.import(block));
  }

  get head(): Hash {
    return this.engine.describe().head.hash;
  }

  get finalized(): Hash {
    return this.engine.describe().finalized.hash;
  }
}

function sealOf(unsealed: UnsealedHeader, bits: number, isUnworked: boolean): Bytes {
  const target = targetOf(bits) ?? 0n;
  const data = workData(unsealed, bits, 0, crypto);
  for (let from = 0; ; from++) {
    const { nonce, tries } = findNonce(data, isUnworked ? 2n ** 256n : target, from);
    if (nonce === null) throw new Error('no nonce');
    if (!isUnworked) return encodeSeal(0, nonce);
    if (findNonce(data, target, from, 1).nonce === null && tries === 1) return encodeSeal(0, nonce);
  }
}

export function only<T extends EngineEffect['type']>(
  effects: readonly EngineEffect[],
  type: T,
): Extract<EngineEffect, { type: T }>[] {
  return effects.filter((effect): effect is Extract<EngineEffect, { type: T }> => effect.type === type);
}
