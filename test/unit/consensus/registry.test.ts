import { expect, it } from 'vitest';
import { engineIds, loadEngine } from '../../../consensus/registry.ts';
import { ConfigError } from '../../../src/util/errors.ts';

it('every id gives the factory of that id', async () => {
  expect(engineIds).toContain('poa');
  for (const id of engineIds) expect((await loadEngine(id)).id).toBe(id);
});

it.each(['ethash', '', 'constructor', '__proto__', './poa'])('refuses %j and says what there is', async (id) => {
  const refusal = loadEngine(id);
  await expect(refusal).rejects.toBeInstanceOf(ConfigError);
  await expect(refusal).rejects.toThrow(/poa/);
});
