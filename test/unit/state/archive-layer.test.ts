import { describe, expect, it } from 'vitest';
import { archiveLayer } from '../../../src/state/archive-layer.ts';
import { StateBase } from '../../../src/state/base.ts';
import type { StateLayer } from '../../../src/state/layer.ts';
import { StateOverlay } from '../../../src/state/overlay.ts';
import { Rng } from '../../../src/util/rng.ts';
import { MemoryStore } from '../../../storage/memory.ts';
import { LevelStateStore } from '../../../storage/state-store.ts';
import { copyModel, read, readModel, write, type Model } from './state-model.ts';

const STEPS = 12;
const WRITES = 25;

/** Finalizes one step after the other; what each was is known. */
async function history(rng: Rng): Promise<{ store: LevelStateStore; past: { layer: StateLayer; model: Model }[] }> {
  const kv = new MemoryStore();
  const store = new LevelStateStore(kv);
  const base = new StateBase(store);
  const past: { layer: StateLayer; model: Model }[] = [];
  let model: Model = new Map();
  for (let step = 0; step < STEPS; step++) {
    const overlay = new StateOverlay(base.finalized);
    model = copyModel(model);
    for (let i = 0; i < WRITES; i++) write(rng, overlay, model);
    const layer = base.finalized.child(overlay.diff());
    const finalization = base.prepareFinalize(layer);
    await kv.batch(finalization.ops, { sync: false });
    finalization.commit();
    past.push({ layer, model });
  }
  return { store, past };
}

describe('a layer over a state long since finalized', () => {
  it.each([1, 2, 3])('reads as it was, and what is built on it comes to the same root (seed %i)', async (seed) => {
    const rng = new Rng(seed);
    const { store, past } = await history(rng);
    for (const { layer, model } of past) {
      const old = archiveLayer(store, layer.root);
      expect(read(old)).toEqual(readModel(model));
      const grown = copyModel(model);
      const overlay = new StateOverlay(old);
      for (let i = 0; i < WRITES; i++) write(rng, overlay, grown);
      const child = old.child(overlay.diff());
      expect(read(child)).toEqual(readModel(grown));
      expect(read(old)).toEqual(readModel(model));
      expect(child.root).toBe(layer.child(overlay.diff()).root);
    }
  });

  it('cannot be finalized again', async () => {
    const { store, past } = await history(new Rng(7));
    const old = archiveLayer(store, past[0]?.layer.root ?? '0x');
    const base = new StateBase(store, old.root);
    expect(() => base.prepareFinalize(old.child(new StateOverlay(old).diff()))).toThrow(/descendant/);
  });
});
