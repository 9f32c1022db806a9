import { describe, expect, it } from 'vitest';
import { encodeJustification } from '../../../../consensus/pbft/certificate.ts';
import type { EngineEffect } from '../../../../consensus/api/effect.ts';
import type { SignedMessage } from '../../../../src/types/message.ts';
import type { Bytes } from '../../../../src/types/primitives.ts';
import { alone, type Alone } from './alone.ts';
import { signed, validator, type NetBlock } from './net.ts';

/** A block that fails here and that a quorum decides: this node must stop, and say why, before it bans everybody. */

type Scene = Alone & { readonly block: NetBlock; readonly commits: readonly SignedMessage[] };

function scene(): Scene {
  const all = alone();
  const { net, parent, height } = all;
  net.run(1000);
  const block = net.node(0).seal(parent, parent.header.timeMs + 1000);
  const commits = [0, 2, 3].map((i) => signed(validator(i), { kind: 'commit', height, view: 0, hash: block.hash }));
  return { ...all, block, commits };
}

function step({ net, node }: Scene, event: Parameters<typeof node.step>[0]): readonly EngineEffect[] {
  return node.engine?.step({ ...event, now: net.agenda.now }) ?? [];
}

const failing = ({ block: { hash, header, author } }: Scene, justification: Bytes | null = null) =>
  ({ type: 'invalid', hash, header, author, code: 'BLOCK_STATE_ROOT', justification }) as const;

const faults = (effects: readonly EngineEffect[]) => effects.filter(({ type }) => type === 'fault');

describe('a block that fails here', () => {
  it.each(['before', 'after'] as const)('and that a quorum commits %s ends it, once', (when) => {
    const here = scene();
    const effects: EngineEffect[] = [];
    if (when === 'after') effects.push(...step(here, failing(here)));
    for (const message of here.commits) effects.push(...step(here, { type: 'message', message, peer: 'p' }));
    expect(faults(effects)).toHaveLength(when === 'after' ? 1 : 0);
    effects.push(...step(here, failing(here)));
    expect(faults(effects)).toEqual([{ type: 'fault', reason: expect.stringContaining(here.block.hash) }]);
    expect(step(here, { type: 'demand', pendingTxs: 1 })).toEqual([]);
  });

  it('and comes with proof that it is decided ends it', () => {
    const here = scene();
    const proof = encodeJustification(0, here.commits);
    expect(faults(step(here, failing(here, encodeJustification(0, here.commits.slice(1)))))).toEqual([]);
    expect(faults(step(here, failing(here, proof)))).toHaveLength(1);
  });

  it('and that fewer commit, or that is proposed, is the fault of others', () => {
    const here = scene();
    const { height, block } = here;
    const effects = [...step(here, failing(here))];
    const proposal = signed(validator(0), { kind: 'pre-prepare', height, view: 0, hash: block.hash });
    for (const message of [proposal, ...here.commits.slice(1)]) {
      effects.push(...step(here, { type: 'message', message, peer: 'p' }));
    }
    expect(faults(effects)).toEqual([]);
    expect(effects.filter(({ type }) => type === 'fetch')).toEqual([]);
  });
});
