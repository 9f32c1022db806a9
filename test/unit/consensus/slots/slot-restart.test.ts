import { describe, expect, it } from 'vitest';
import { decodeExtra } from '../../../../consensus/common/slots/extra.ts';
import { decodeVote } from '../../../../consensus/common/ffg-vote.ts';
import type { Bytes } from '../../../../src/types/primitives.ts';
import { fakeSign } from '../../../conformance/rig-parts.ts';
import { at, crypto, Harness, only, staked, START_MS } from './harness.ts';

const four = staked(32, 32, 32, 32);
const alone = staked(32);
const self = at(alone, 0).address;

function persisted(harness: Harness): Map<string, Bytes> {
  const saved = new Map<string, Bytes>();
  for (const { key, value } of only(harness.effects, 'persist')) if (value !== null) saved.set(key, value);
  return saved;
}

/** Goes on through its timers until it asks for a block. */
function untilBuild(harness: Harness) {
  for (let i = 0; i < 50; i++) {
    const build = only(harness.effects, 'build').at(-1);
    if (build !== undefined) return build;
    harness.now += 250;
    harness.step({ type: 'timer', id: 'slot' });
  }
  throw new Error('it never asked for a block');
}

describe('a validator that is started over', () => {
  it('seals no other block in the slot in which it has sealed', () => {
    const harness = new Harness({ validators: alone, self }).start();
    const build = untilBuild(harness);
    const slot = decodeExtra(build.extra)?.slot ?? 0;
    const made = harness.make(harness.genesis, slot, { author: self });
    expect(only(harness.step({ type: 'built', job: build.job, header: made.header }), 'publish')).toHaveLength(1);
    // The crash loses the block.
    const again = new Harness({ validators: alone, self, saved: persisted(harness) });
    again.now = harness.now;
    const next = untilBuild(again.start());
    expect(decodeExtra(next.extra)?.slot).toBe(slot + 1);
    const other = again.make(again.genesis, slot, { author: self, mark: 1 });
    expect(only(again.step({ type: 'built', job: next.job, header: other.header }), 'publish')).toEqual([]);
    // Without the record it would have.
    const forgetful = new Harness({ validators: alone, self });
    forgetful.now = harness.now;
    expect(decodeExtra(untilBuild(forgetful.start()).extra)?.slot).toBe(slot);
  });

  it('says its attestation again and no other one in that epoch', () => {
    const harness = new Harness({ validators: four, self }).start();
    const [one, rival] = [harness.make(harness.genesis, 4), harness.make(harness.genesis, 5)];
    harness.import(one);
    harness.now = START_MS + 8000;
    harness.step({ type: 'timer', id: 'attest' });
    const said = only(harness.effects, 'cast');
    expect(said).toHaveLength(1);
    const again = new Harness({ validators: four, self, saved: persisted(harness) });
    again.now = harness.now;
    again.start();
    expect(only(again.effects, 'cast')).toEqual(said);
    again.import(rival);
    again.now += 60_000;
    again.step({ type: 'timer', id: 'attest' });
    expect(again.engine.describe().head.hash).toBe(rival.hash);
    expect(only(again.effects, 'cast')).toEqual(said);
  });

  it('refuses to start on damaged memory', () => {
    for (const key of ['slot', 'ffg']) {
      const saved = new Map([[key, Uint8Array.of(0xc1, 0x05)]]);
      const expected = expect.objectContaining({ code: 'SAVED_VOTES_DAMAGED' });
      if (key === 'slot') saved.set(key, Uint8Array.of(0xc2, 0x05));
      expect(() => new Harness({ validators: alone, self, saved })).toThrow(expected);
    }
  });

  it('leaves alone the slot of a block that a copy of it has sealed', () => {
    const harness = new Harness({ validators: alone, self }).start();
    harness.import(harness.make(harness.genesis, 1, { author: self }));
    const slots = only(harness.effects, 'build').map(({ extra }) => decodeExtra(extra)?.slot);
    expect(slots.filter((slot) => slot === 1)).toEqual([]);
    expect(decodeExtra(untilBuild(harness).extra)?.slot).toBe(2);
  });
});

describe('attesting', () => {
  it('waits for its slot and a third of it, saves, and only then speaks, for the head of that moment', () => {
    const others = new Harness({ validators: four }).start();
    const chain = others.chain(others.genesis, 8);
    const two = at(chain, 8);
    const [self, duty] = at(
      [...others.duties(two)].sort(([, a], [, b]) => a - b),
      -1,
    );
    expect(duty).toBe(11);
    const harness = new Harness({ validators: four, self }).start();
    for (const block of chain.slice(1)) harness.import(block);
    const castsFor = () =>
      only(harness.effects, 'cast').filter(({ payload }) => decodeVote(payload)?.target.hash === two.hash);
    harness.now = START_MS + duty * 1000 + 332;
    harness.step({ type: 'timer', id: 'attest' });
    expect(castsFor()).toEqual([]);
    harness.now++;
    harness.step({ type: 'timer', id: 'attest' });
    const [cast] = castsFor();
    expect(cast?.guard).toEqual({ kind: 'ffg', source: 1, target: 2 });
    expect(decodeVote(cast?.payload ?? new Uint8Array(0))?.attested).toEqual({ slot: duty, head: two.hash });
    const index = harness.effects.findIndex((effect) => effect === cast);
    expect(harness.effects[index - 1]).toMatchObject({ type: 'persist', key: 'ffg' });
  });

  it('does not wait any longer when the block of its slot is there', () => {
    const harness = new Harness({ validators: alone, self }).start();
    const one = harness.make(harness.genesis, 4);
    const effects = harness.import(one);
    expect(harness.now).toBe(START_MS + 4000);
    expect(only(effects, 'cast')).toHaveLength(1);
  });

  it('repeats what no block carries, and falls silent when one does', () => {
    const harness = new Harness({ validators: alone, self }).start();
    const one = harness.make(harness.genesis, 4);
    const [cast] = only(harness.import(one), 'cast');
    const payload = cast?.payload ?? new Uint8Array(0);
    const message = { from: self, payload, signature: fakeSign(crypto.messageDigest(payload), self) };
    harness.step({ type: 'message', message, peer: null });
    harness.now += 2000;
    expect(only(harness.step({ type: 'timer', id: 'repeat' }), 'recast')).toEqual([{ type: 'recast', message }]);
    harness.import(harness.make(one, 6, { votes: [message] }));
    harness.now += 60_000;
    expect(only(harness.step({ type: 'timer', id: 'repeat' }), 'recast')).toEqual([]);
  });

  it('is silent until it is ready, and far behind', () => {
    const harness = new Harness({ validators: alone, self });
    const { header: finalized, hash: finalizedHash, state } = harness.genesis;
    harness.step({ type: 'start', finalized, finalizedHash, state, anchor: null });
    const one = harness.make(harness.genesis, 4);
    harness.import(one, 'replay');
    expect(harness.effects).toEqual([]);
    const ready = harness.step({ type: 'ready' });
    expect(only(ready, 'cast')).toHaveLength(1);
    harness.step({ type: 'syncing', behindBlocks: 50 });
    const effects = harness.import(harness.make(one, 8), 'sync');
    expect([...only(effects, 'cast'), ...only(effects, 'build')]).toEqual([]);
    expect(only(harness.step({ type: 'syncing', behindBlocks: 0 }), 'cast')).toHaveLength(1);
  });
});
