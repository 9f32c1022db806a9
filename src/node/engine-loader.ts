import { existsSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { EngineFactory } from '../../consensus/api/engine.ts';
import { engineIds, loadEngine } from '../../consensus/registry.ts';
import { ConfigError, errorText } from '../util/errors.ts';

/** Engines of our own are loaded by id, others from the module they are in. */

const ID = /^[a-z][a-z0-9-]{0,31}$/;
const FUNCTIONS = ['parseParams', 'idles', 'genesis', 'advance', 'judge', 'blockReward', 'create'] as const;
const FINALITIES: readonly unknown[] = ['confirmations', 'votes', 'instant'];
const FLAGS = ['needsJustification', 'castsMessages', 'usesWork', 'takesProposals'] as const;

/** Whether `consensus` of a configuration names a module and not one of our engines. */
export function isEngineModule(name: string): boolean {
  return isAbsolute(name) || name.startsWith('.') || /\.[mc]?[jt]s$/.test(name);
}

/** The path of an engine's module as seen from a directory; ids stay as they are. */
export function resolveEngine(name: string, directory: string): string {
  return isEngineModule(name) ? resolve(directory, name) : name;
}

/** Throws ConfigError (path `consensus`) that says why there is no such engine. */
export async function engineOf(name: string): Promise<EngineFactory> {
  if (!isEngineModule(name)) return loadEngine(name);
  if (!existsSync(name)) throw wrong(`there is no engine module ${name}`);
  let module: { readonly engine?: unknown };
  try {
    module = (await import(pathToFileURL(name).href)) as { readonly engine?: unknown };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    const needsNewer = code === 'ERR_UNKNOWN_FILE_EXTENSION';
    const advice = needsNewer
      ? 'this version of Node.js runs no TypeScript: use 22.18 or newer, or give a .js file'
      : '';
    throw wrong(`the engine module ${name} cannot be loaded: ${advice || errorText(error)}`, error);
  }
  return checkFactory(name, module.engine);
}

function checkFactory(name: string, engine: unknown): EngineFactory {
  if (typeof engine !== 'object' || engine === null) {
    throw wrong(`${name} must export an EngineFactory named "engine" (see docs/examples)`);
  }
  const factory = engine as { readonly [key: string]: unknown };
  const { id } = factory;
  if (typeof id !== 'string' || !ID.test(id)) throw wrong(`${name}: engine.id must be a short lower-case name`);
  // The id is part of what validators sign and of the genesis, so no two engines may share one.
  if (engineIds.includes(id)) throw wrong(`${name}: the id "${id}" belongs to an engine of Parley; choose another`);
  const missing = FUNCTIONS.filter((key) => typeof factory[key] !== 'function');
  if (missing.length > 0) throw wrong(`${name}: engine lacks ${missing.join(', ')}`);
  const traits = (factory['traits'] ?? {}) as { readonly [key: string]: unknown };
  if (!FINALITIES.includes(traits['finality']))
    throw wrong(`${name}: engine.traits.finality is none of ${FINALITIES.join(', ')}`);
  const vague = FLAGS.filter((key) => typeof traits[key] !== 'boolean');
  if (vague.length > 0) throw wrong(`${name}: engine.traits lacks ${vague.join(', ')}`);
  return engine as EngineFactory;
}

function wrong(message: string, cause?: unknown): ConfigError {
  return new ConfigError(`consensus: ${message}`, { path: 'consensus' }, cause === undefined ? undefined : { cause });
}
