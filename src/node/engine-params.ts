import type { EngineFactory } from '../../consensus/api/engine.ts';
import type { JsonValue } from '../types/primitives.ts';
import { ConfigError, errorText } from '../util/errors.ts';
import type { Config } from './config-schema.ts';

/**
 * The parameters of the engine, the block time among them, as its factory completes them. Throws ConfigError naming the key,
 * also for validators of an engine that has none.
 */
export function parseEngineParams(factory: EngineFactory, config: Config): JsonValue {
  const own = Object.entries(config.engine).map(([key, value]) => {
    // Two ways to write one key would be two keys for whoever compares or completes configurations.
    if (/[A-Z]/.test(key)) throw new ConfigError(`engine.${key}: is written ${kebab(key)}`, { path: `engine.${key}` });
    return [key.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase()), value];
  });
  if (factory.traits.usesWork && config.genesis.validators !== undefined) {
    throw new ConfigError(`genesis.validators: ${factory.id} has none, whoever does the work makes the blocks`, {
      path: 'genesis.validators',
    });
  }
  try {
    return factory.parseParams({ blockTimeMs: config['block-time'], ...Object.fromEntries(own) }) as JsonValue;
  } catch (error) {
    // An engine from elsewhere throws errors of its own; what it says of its parameters is for the user all the same.
    const given = error instanceof ConfigError ? error.data['path'] : undefined;
    const key = typeof given === 'string' ? given : '';
    const path = key === 'blockTimeMs' ? 'block-time' : key === '' ? 'engine' : `engine.${kebab(key)}`;
    throw new ConfigError(`${path}: ${errorText(error)}`, { path }, { cause: error });
  }
}

function kebab(key: string): string {
  return key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);
}
