import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Evidence } from '../../src/types/evidence.ts';
import type { SignedMessage } from '../../src/types/message.ts';
import type { Bytes } from '../../src/types/primitives.ts';
import { ConfigError } from '../../src/util/errors.ts';
import type { EngineUnderTest } from '../engines/engine-under-test.ts';
import { fakeSign, rigAddress } from './rig-parts.ts';
import type { RigNode } from './rig-node.ts';
import { Rig, type RigOptions } from './rig.ts';
import { storm } from './storm.ts';

/** What every engine must do, whoever wrote it: the contract of consensus/README.md, as tests. */
export function testEngine(engine: EngineUnderTest, options: { readonly seeds: number }): void {
  describe(`engine ${engine.name}`, () => {
    const params = engine.factory.parseParams(engine.testing.params);
    testCalm(engine, params);
    testRestarts(engine, params);
    testHostility(engine, params);
    testRules(engine, params);
    testStorms(engine, options.seeds);
  });
}

function running(engine: EngineUnderTest, params: unknown, options: Partial<RigOptions> = {}): Rig {
  const rig = new Rig({ factory: engine.factory, params, seed: 1, validators: 4, ...options });
  rig.start();
  return rig;
}

function liesOf({ testing }: EngineUnderTest): Pick<RigOptions, 'lies'> {
  return testing.lies === undefined ? {} : { lies: testing.lies };
}

/** So many stretches of time, each with a transaction. */
function live(rig: Rig, stretches: number): void {
  for (let i = 0; i < stretches; i++) {
    rig.submitTx();
    rig.run(1500);
  }
}

function firstOf(rig: Rig): RigNode {
  const [node] = rig.nodes;
  if (node === undefined) throw new Error('a rig has nodes');
  return node;
}

function testCalm(engine: EngineUnderTest, params: unknown): void {
  it.each([1, 2, 3, 4, 7])('%s validators make blocks and finalize them, and two instances agree', (validators) => {
    const rig = running(engine, params, { validators, followers: 1, isShadowed: true });
    live(rig, 10);
    expect(rig.violations).toEqual([]);
    expect(rig.nodes.flatMap((node) => [...node.rejected, ...node.refused])).toEqual([]);
    for (const node of rig.nodes) expect(node.finalizedNumber).toBeGreaterThan(3);
  });

  it('describes itself at any time, before the start included', () => {
    const rig = running(engine, params);
    for (let i = 0; i < 20; i++) {
      rig.run(250);
      for (const node of rig.alive()) {
        const status = node.engine?.describe();
        expect(status?.engine).toBe(engine.factory.id);
        expect(status?.head.hash).toBe(node.head);
        expect(status?.finalized.hash).toBe(node.disk.finalized);
        expect(status?.validators).toHaveLength(engine.factory.traits.usesWork ? 0 : 4);
      }
    }
  });

  it('the same seed gives the same trace, another seed another one', () => {
    const traceOf = (seed: number): string => {
      const rig = running(engine, params, { seed, twins: [2], loss: 0.1, crashChance: 0.01 });
      live(rig, 2);
      rig.randomCut();
      live(rig, 3);
      rig.heal();
      live(rig, 2);
      return rig.trace();
    };
    expect(traceOf(3)).toBe(traceOf(3));
    expect(traceOf(3)).not.toBe(traceOf(4));
  });
}

function testRestarts(engine: EngineUnderTest, params: unknown): void {
  it('a crash after every kind of effect contradicts nothing, whether the signer has a guard or not', () => {
    for (const seed of [1, 2, 3]) {
      const rig = running(engine, params, { seed, crashChance: 0.08, isGuarded: seed % 2 === 0 });
      live(rig, 20);
      rig.heal();
      live(rig, 5);
      expect(rig.crashes).toBeGreaterThan(1);
      expect(rig.violations).toEqual([]);
    }
  });

  it('all at once: everybody goes on where they were', () => {
    const rig = running(engine, params);
    live(rig, 5);
    const before = rig.nodes.map((node) => node.finalizedNumber);
    for (const node of rig.nodes) rig.kill(node);
    rig.heal();
    live(rig, 8);
    expect(rig.violations).toEqual([]);
    rig.nodes.forEach((node, i) => expect(node.finalizedNumber).toBeGreaterThan(before[i] ?? 0));
  });

  it('who was away for long catches up', () => {
    const rig = running(engine, params);
    live(rig, 2);
    const node = firstOf(rig);
    rig.kill(node);
    live(rig, 30);
    rig.heal();
    live(rig, 8);
    expect(rig.violations).toEqual([]);
    expect(node.finalizedNumber).toBeGreaterThan(Math.max(...rig.nodes.map((other) => other.headNumber)) - 8);
  });

  it('the anchor carries on: a restarted engine describes the same validators and votes on', () => {
    const rig = running(engine, params);
    live(rig, 6);
    const node = firstOf(rig);
    const before = node.engine?.validatorsAfter(node.disk.finalized);
    rig.kill(node);
    node.boot();
    expect(node.engine?.validatorsAfter(node.disk.finalized)).toEqual(before);
    expect(node.engine?.validatorsFor(node.disk.finalized)).toEqual(before);
    expect(node.engine?.validatorsFor(`0x${'12'.repeat(32)}`)).toBeUndefined();
  });
}

function testFlood(engine: EngineUnderTest, params: unknown, flood: (n: number) => Bytes): void {
  it('a flood from a validator is bounded, and the net goes on', () => {
    const rig = running(engine, params, { twins: [3] });
    live(rig, 3);
    const liar = rigAddress(3);
    for (let n = 0; n < 4000; n++) {
      const payload = flood(n);
      const message = { from: liar, payload, signature: fakeSign(rig.crypto.messageDigest(payload), liar) };
      for (const node of rig.nodes) if (node.self !== liar) node.receiveMessage(message, null);
    }
    const before = Math.max(...rig.nodes.map((node) => node.finalizedNumber));
    const [counter, perValidatorMax] = engine.testing.kept ?? ['', Infinity];
    for (const node of rig.nodes) {
      expect(node.engine?.describe().counters[counter] ?? 0).toBeLessThanOrEqual(4 * perValidatorMax);
    }
    live(rig, 8);
    expect(rig.violations).toEqual([]);
    for (const node of rig.nodes) expect(node.finalizedNumber).toBeGreaterThan(before);
  });
}

function testHostility(engine: EngineUnderTest, params: unknown): void {
  // Where validators say nothing there is nothing to flood with.
  if (engine.testing.flood !== undefined) testFlood(engine, params, engine.testing.flood);

  it('garbage is refused and never thrown at', () => {
    const rig = running(engine, params);
    live(rig, 2);
    const node = firstOf(rig);
    const before = rig.trace();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(3), (payload, voter) => {
        const message: SignedMessage = { from: rigAddress(voter), payload, signature: new Uint8Array(65) };
        expect(node.engine?.checkMessage(message).kind).toBe('reject');
        node.step({ type: 'message', message, peer: 'peer' });
        const evidence: Evidence = { kind: 'messages', offender: rigAddress(voter), first: payload, second: payload };
        const chain = { chainId: 31337, shard: 0 };
        expect(engine.factory.judge(params, evidence, rig.crypto, chain)).toBeNull();
        expect(engine.factory.judge(params, { ...evidence, kind: 'headers' }, rig.crypto, chain)).toBeNull();
      }),
    );
    expect(rig.trace()).not.toBe(before);
    live(rig, 4);
    expect(rig.violations).toEqual([]);
  });

  it('answers, timers and blocks that nobody asked for do no harm', () => {
    const rig = running(engine, params, { isShadowed: true });
    live(rig, 2);
    for (const node of rig.nodes) {
      const block = node.block(node.head);
      if (block === undefined) throw new Error('the head is known');
      const { hash, header, author, votes, state } = block;
      node.step({ type: 'built', job: 123_456, header });
      node.step({ type: 'failed', job: 123_456, code: 'TEST' });
      node.step({ type: 'worked', job: 123_456, value: new Uint8Array(8) });
      node.step({ type: 'timer', id: 'nobody set this' });
      node.step({ type: 'invalid', hash, header, author, code: 'TEST', justification: null });
      node.step({ type: 'justified', hash, justification: new Uint8Array(3), peer: null });
      node.step({ type: 'imported', hash, header, author, votes, state, origin: 'gossip', justification: null });
      node.step({ type: 'syncing', behindBlocks: 0 });
      node.step({ type: 'propose', subject: rigAddress(9), authorize: null });
    }
    live(rig, 6);
    expect(rig.violations).toEqual([]);
    for (const node of rig.nodes) expect(node.finalizedNumber).toBeGreaterThan(3);
  });

  it('a word that we are far behind does not silence the net for good', () => {
    const rig = running(engine, params);
    live(rig, 3);
    for (const node of rig.nodes) node.step({ type: 'syncing', behindBlocks: 1_000_000 });
    const before = Math.max(...rig.nodes.map((node) => node.headNumber));
    live(rig, 30);
    for (const node of rig.nodes) expect(node.headNumber).toBeGreaterThan(before);
  });

  it('is silent after stop', () => {
    const rig = running(engine, params);
    live(rig, 2);
    const { engine: stopped } = firstOf(rig);
    const { now } = rig.agenda;
    expect(stopped?.step({ type: 'stop', now })).toEqual([]);
    expect(stopped?.step({ type: 'demand', pendingTxs: 3, now: now + 60_000 })).toEqual([]);
    expect(stopped?.describe().engine).toBe(engine.factory.id);
  });
}

function testRules(engine: EngineUnderTest, params: unknown): void {
  it.each(engine.testing.badParams ?? [])('refuses parameters %j and names %j', (json, path) => {
    let thrown: unknown = null;
    try {
      engine.factory.parseParams(json);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ConfigError);
    expect((thrown as ConfigError).data['path']).toBe(path);
  });

  it('advance, judge and genesis are pure', () => {
    const rig = running(engine, params, { twins: [1], validators: 4, loss: 0.1, ...liesOf(engine) });
    live(rig, 3);
    rig.randomCut();
    live(rig, 4);
    const { factory } = engine;
    const node = firstOf(rig);
    const block = node.block(node.head);
    if (block === undefined) throw new Error('the head is known');
    const before = structuredClone(block.state);
    const once = factory.advance(params, block.state, block.header, block.author);
    expect(factory.advance(params, block.state, block.header, block.author)).toEqual(once);
    expect(block.state).toEqual(before);
    expect(factory.genesis(params, before)).toEqual(factory.genesis(params, before));
    const chain = { chainId: 31337, shard: 0 };
    for (const evidence of rig.nodes.flatMap(({ reported }) => reported)) {
      const offence = factory.judge(params, evidence, rig.crypto, chain);
      expect(offence?.offender).toBe(rigAddress(1));
      const swapped = { ...evidence, first: evidence.second, second: evidence.first };
      expect(factory.judge(params, swapped, rig.crypto, chain)).toEqual(offence);
      expect(factory.judge(params, { ...evidence, second: evidence.first }, rig.crypto, chain)).toBeNull();
      expect(factory.judge(params, { ...evidence, offender: rigAddress(0) }, rig.crypto, chain)).toBeNull();
      expect(factory.judge(params, evidence, rig.crypto, { chainId: 1, shard: 0 })).toEqual(
        evidence.kind === 'headers' ? null : offence,
      );
    }
  });
}

function testStorms(engine: EngineUnderTest, seeds: number): void {
  const size = 20;
  const batches = Array.from({ length: Math.ceil(seeds / size) }, (_, i) => i * size);
  it.each(batches)(
    'storms from seed %s: nothing conflicting is final, and the healed net goes on',
    (from) => {
      for (let seed = from; seed < Math.min(from + size, seeds); seed++) {
        const { rig, rejected, finalizedAfter, finalizedBefore } = storm(engine, seed);
        expect(rig.violations, `seed ${seed}`).toEqual([]);
        expect(rejected, `seed ${seed}`).toEqual([]);
        expect(finalizedAfter, `seed ${seed}`).toBeGreaterThan(finalizedBefore);
      }
    },
    120_000,
  );
}
