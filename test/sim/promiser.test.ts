import { describe, expect, it } from 'vitest';
import type { Millis } from '../../src/types/primitives.ts';
import { Rng } from '../../src/util/rng.ts';
import { Cluster } from './cluster.ts';
import { EPOCH_MS } from './clock.ts';
import { drawEngine } from './engines.ts';
import { isHonestRole } from './adversaries.ts';
import { WHOLE } from './node.ts';
import type { Violation } from './trace.ts';

const CALM = { loss: 0, duplicate: 0, delayMs: [2, 12] } as const;

/** A calm network of five, one of them promising. Says how many blocks its honest nodes made, and which share of the time each spoke. */
async function run(
  name: string,
  seed: number,
  forMs: Millis,
): Promise<{ blocks: number; speakingShare: number; violations: readonly Violation[] }> {
  const engine = await drawEngine(name, new Rng(seed), {});
  let blocks = 0;
  const cluster = new Cluster({
    seed,
    engine,
    validators: 5,
    adversaries: [{ kind: 'promising', validator: 2 }],
    candidate: false,
    clients: 1,
    clientPauseMs: [500, 2_000],
    hub: {},
    journalSync: true,
    ablation: WHOLE,
    isDiskInstant: true,
    observer: {
      published: (node, topic) => {
        if (topic === 'block' && node.isHonest) blocks++;
      },
    },
    tell: null,
  });
  for (const a of cluster.roles) for (const b of cluster.roles) if (a !== b) cluster.hub.setLink(a.name, b.name, CALM);
  cluster.start();
  cluster.clients[0]?.start();
  let looks = 0;
  let speaking = 0;
  for (let atMs = 1_000; atMs <= forMs; atMs += 500) {
    await cluster.clock.runUntil(EPOCH_MS + atMs);
    for (const { machine } of cluster.nodes.filter((_, i) =>
      isHonestRole(cluster.roles[i] as (typeof cluster.roles)[number]),
    )) {
      looks++;
      if (machine?.ledger.engine.describe().details['isLagging'] !== true) speaking++;
    }
  }
  return { blocks, speakingShare: speaking / looks, violations: cluster.trace.violations };
}

describe('a peer that promises a thousand blocks and serves a few, slowly', () => {
  it.each(['pow', 'poa', 'pbft'])('does not silence honest nodes: %s', { timeout: 120_000 }, async (engine) => {
    for (const seed of [1, 2]) {
      const { blocks, speakingShare, violations } = await run(engine, seed, 120_000);
      expect(violations).toEqual([]);
      expect(speakingShare).toBeGreaterThan(0.9);
      if (engine === 'pow') expect(blocks).toBeGreaterThan(60);
    }
  });
});
