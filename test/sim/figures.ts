import { decodeBlockWithProof, headerHash } from '../../src/codec/block.ts';
import type { Hash, Millis } from '../../src/types/primitives.ts';
import { Rng } from '../../src/util/rng.ts';
import { engineUnderTest } from '../engines/engine-under-test.ts';
import { Cluster } from './cluster.ts';
import { drawEngine } from './engines.ts';
import { WHOLE } from './node.ts';
import { messageIn } from './voice.ts';

export type Figures = {
  /** First deliveries of consensus messages, per block. */
  readonly messagesPerBlock: number;
  /** From a block's first gossip to its finality, on each node and for each block. */
  readonly finalityMs: readonly Millis[];
};

const WARM_UP_MS: Millis = 5_000;

/** Of a calm full mesh whose links take exactly `delayMs`, on disks that take no time: what the protocol itself costs. */
export async function measure(engine: string, options: FigureOptions): Promise<Figures> {
  const { validators, delayMs, blocks } = options;
  const { testing } = await engineUnderTest(engine);
  const publishedAt = new Map<Hash, Millis>();
  const deliveredBefore: number[] = [];
  const finalityMs: Millis[] = [];
  let delivered = 0;
  let isMeasuring = false;
  const cluster = new Cluster({
    seed: 1,
    engine: await drawEngine(engine, new Rng(1), { ...testing.params, ...options.params }),
    validators,
    adversaries: [],
    candidate: false,
    clients: 0,
    clientPauseMs: [1, 1],
    hub: { delayMs: [delayMs, delayMs], connectMs: [0, 0] },
    journalSync: true,
    ablation: WHOLE,
    isDiskInstant: true,
    observer: {
      heard: (_node, topic, data) => {
        if (messageIn(topic, data) !== null) delivered++;
      },
      published: (_node, topic, data) => {
        if (!isMeasuring || topic !== 'block') return;
        const hash = headerHash(decodeBlockWithProof(data).block.header);
        if (publishedAt.has(hash)) return;
        publishedAt.set(hash, cluster.clock.now());
        deliveredBefore.push(delivered);
      },
      opened: (_node, machine) => {
        machine.ledger.chain.onFinalized((path) => {
          for (const { hash } of path) {
            const at = publishedAt.get(hash);
            if (at !== undefined) finalityMs.push(cluster.clock.now() - at);
          }
        });
      },
    },
    tell: null,
  });
  const { clock, trace } = cluster;
  cluster.start();
  await clock.runFor(WARM_UP_MS);
  isMeasuring = true;
  await clock.runFor(3_600_000, () => deliveredBefore.length > blocks || trace.violations.length > 0);
  if (trace.violations.length > 0) throw new Error(JSON.stringify(trace.violations[0]));
  const messages = (deliveredBefore[blocks] ?? 0) - (deliveredBefore[0] ?? 0);
  return { messagesPerBlock: messages / blocks, finalityMs };
}

export type FigureOptions = {
  readonly validators: number;
  readonly delayMs: Millis;
  readonly blocks: number;
  readonly params?: { readonly [key: string]: number };
};
