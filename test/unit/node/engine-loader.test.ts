import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadGiven } from '../../../src/node/config.ts';
import { engineOf, isEngineModule } from '../../../src/node/engine-loader.ts';

const folder = mkdtempSync(join(tmpdir(), 'parley-engines-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function module(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

/** The text of a factory with these properties instead of the right ones. */
function factoryText(changes: Readonly<Record<string, string>>): string {
  const traits = `{ finality: 'votes', needsJustification: false, castsMessages: false, usesWork: false, takesProposals: false }`;
  const functions = ['parseParams', 'idles', 'genesis', 'advance', 'judge', 'blockReward', 'create'];
  const properties = {
    id: `'mine'`,
    traits,
    ...Object.fromEntries(functions.map((key) => [key, '() => null'])),
    ...changes,
  };
  return `export const engine = { ${Object.entries(properties)
    .map(([key, value]) => `${key}: ${value}`)
    .join(', ')} };`;
}

describe('an engine from a module', () => {
  it('is loaded by its path, TypeScript or JavaScript', async () => {
    expect((await engineOf(resolve('docs/examples/sequencer.ts'))).id).toBe('sequencer');
    expect((await engineOf(module('good.mjs', factoryText({})))).id).toBe('mine');
  });

  it('is told from one of our ids by its spelling', () => {
    for (const path of ['./x', '../x.ts', '/x', 'engines/x.js', 'x.mjs']) expect(isEngineModule(path)).toBe(true);
    for (const id of ['poa', 'pbft', 'nonsense']) expect(isEngineModule(id)).toBe(false);
  });

  it.each([
    ['missing.ts', null, /there is no engine module/],
    ['broken.mjs', 'export const engine = {', /cannot be loaded/],
    ['throws.mjs', 'throw new Error("as it loads")', /cannot be loaded: as it loads/],
    ['empty.mjs', 'export const other = 1;', /must export an EngineFactory named "engine"/],
    ['number.mjs', 'export const engine = 7;', /must export an EngineFactory named "engine"/],
    ['id.mjs', factoryText({ id: `'My Engine'` }), /engine.id must be/],
    ['ours.mjs', factoryText({ id: `'poa'` }), /belongs to an engine of Parley/],
    ['create.mjs', factoryText({ create: 'null', judge: '3' }), /engine lacks judge, create/],
    ['traits.mjs', factoryText({ traits: '{}' }), /traits.finality is none of/],
    [
      'flags.mjs',
      factoryText({ traits: `{ finality: 'instant', usesWork: true }` }),
      /traits lacks needsJustification, /,
    ],
  ])('%s is refused with the reason', async (name, text, reason) => {
    const file = text === null ? join(folder, name) : module(name, text);
    await expect(engineOf(file)).rejects.toMatchObject({
      code: 'CONFIG',
      data: { path: 'consensus' },
      message: expect.stringMatching(reason) as string,
    });
  });
});

describe('the path of an engine', () => {
  it('is seen from the configuration file that names it, or from where the flag is given', () => {
    mkdirSync(join(folder, 'nets'));
    const config = join(folder, 'nets', 'parley.toml');
    writeFileSync(config, 'consensus = "../good.mjs"\n');
    expect(loadGiven(config, {})).toEqual({ consensus: join(folder, 'good.mjs') });
    expect(loadGiven(config, { consensus: './here.ts' })).toEqual({ consensus: resolve('here.ts') });
    expect(loadGiven(undefined, { consensus: 'pbft' })).toEqual({ consensus: 'pbft' });
  });
});
