import type { EngineFactory } from '../../consensus/api/engine.ts';
import type { EngineTesting } from '../../consensus/api/testing.ts';
import type { JsonObject, Millis } from '../../src/types/primitives.ts';
import { ConfigError } from '../../src/util/errors.ts';
import type { Rng } from '../../src/util/rng.ts';
import { builtInEngines, engineUnderTest } from '../engines/engine-under-test.ts';

/** An engine in a simulated cluster: the factory, what its author says of it, and the parameters of this run. */
export type SimEngine = {
  /** As it was asked for: an id, or the path of a module. */
  readonly name: string;
  readonly factory: EngineFactory;
  readonly testing: EngineTesting;
  /** As JSON of a configuration, and as `parseParams` completed it. */
  readonly params: JsonObject;
  readonly parsed: unknown;
  /** 0 where blocks come on demand only. */
  readonly blockTimeMs: Millis;
  /** Hashes a second of all miners together. */
  readonly hashRate: number;
};

export const DEFAULT_BLOCK_TIME_MS: Millis = 1_000;
const DEFAULT_HASH_RATE = 256;

/** Engines of this repository that the simulator can drive. */
export const simulatedEngines: readonly string[] = builtInEngines;

/** `wanted`: parameters that are not drawn. Throws ConfigError for an unknown id and for a module without an engine. */
export async function drawEngine(name: string, rng: Rng, wanted: JsonObject = {}): Promise<SimEngine> {
  const { factory, testing } = await loadUnderTest(name);
  const params = { ...(testing.simParams?.(rng) ?? testing.params), ...wanted };
  const parsed = factory.parseParams(params);
  const numberOf = (key: string, fallback: number): number => {
    const value = (parsed as { readonly [key: string]: unknown } | null)?.[key] ?? params[key];
    return typeof value === 'number' ? value : fallback;
  };
  return {
    name,
    factory,
    testing,
    params,
    parsed,
    blockTimeMs: numberOf('blockTimeMs', DEFAULT_BLOCK_TIME_MS),
    hashRate: numberOf('hashRate', DEFAULT_HASH_RATE),
  };
}

/** As `engineUnderTest`, and says what there is where a name is none. Throws ConfigError. */
export async function loadUnderTest(name: string): ReturnType<typeof engineUnderTest> {
  if (!builtInEngines.includes(name) && !/[./\\]/.test(name)) {
    const known = builtInEngines.join(', ');
    throw new ConfigError(`unknown consensus engine "${name}"; there are: ${known}; or give the path of a module`, {
      path: 'consensus',
    });
  }
  return await engineUnderTest(name);
}

/** How many of n equal validators, or miners, may be adversaries. */
export function faultsMax({ testing }: Pick<SimEngine, 'testing'>, n: number): number {
  const { faults = 'third' } = testing;
  if (faults === 'none') return 0;
  return faults === 'half' ? Math.floor((n - 1) / 2) : Math.floor((n - 1) / 3);
}
