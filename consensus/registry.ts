import { ConfigError } from '../src/util/errors.ts';
import type { EngineFactory } from './api/engine.ts';

/** The one place that knows concrete engines. Each is loaded only when wanted. */
const loaders: { readonly [id: string]: () => Promise<EngineFactory> } = {
  poa: async () => (await import('./poa/factory.ts')).poaFactory,
  pos: async () => (await import('./pos/factory.ts')).posFactory,
  dpos: async () => (await import('./dpos/factory.ts')).dposFactory,
  pbft: async () => (await import('./pbft/factory.ts')).pbftFactory,
  pow: async () => (await import('./pow/factory.ts')).powFactory,
};

export const engineIds: readonly string[] = Object.keys(loaders);

/** Throws ConfigError for an unknown id; its message names the known ones. */
export async function loadEngine(id: string): Promise<EngineFactory> {
  const load = Object.hasOwn(loaders, id) ? loaders[id] : undefined;
  if (load === undefined) {
    throw new ConfigError(`unknown consensus engine "${id}"; there are: ${engineIds.join(', ')}`, {
      path: 'consensus',
    });
  }
  return await load();
}
