import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { EngineFactory } from '../../consensus/api/engine.ts';
import type { EngineTesting } from '../../consensus/api/testing.ts';
import { engineIds, loadEngine } from '../../consensus/registry.ts';

/** An engine with what the suites need to know of it. */
export type EngineUnderTest = {
  readonly name: string;
  readonly factory: EngineFactory;
  readonly testing: EngineTesting;
};

const testings: { readonly [id: string]: () => Promise<EngineTesting> } = {
  poa: async () => (await import('../../consensus/poa/testing.ts')).poaTesting,
  pos: async () => (await import('../../consensus/pos/testing.ts')).posTesting,
  dpos: async () => (await import('../../consensus/dpos/testing.ts')).dposTesting,
  pbft: async () => (await import('../../consensus/pbft/testing.ts')).pbftTesting,
  pow: async () => (await import('../../consensus/pow/testing.ts')).powTesting,
};

/** Ours, by id. */
export const builtInEngines: readonly string[] = engineIds.filter((id) => Object.hasOwn(testings, id));

/** By id, or by the path of a module that exports `engine` and, where it has more to say, `testing`. */
export async function engineUnderTest(name: string): Promise<EngineUnderTest> {
  const own = Object.hasOwn(testings, name) ? testings[name] : undefined;
  if (own !== undefined) return { name, factory: await loadEngine(name), testing: await own() };
  const url = pathToFileURL(resolve(name)).href;
  const { engine, testing } = (await import(url)) as { engine?: EngineFactory; testing?: EngineTesting };
  if (engine === undefined) throw new Error(`${name} exports no engine`);
  return { name: engine.id, factory: engine, testing: testing ?? { params: {} } };
}
