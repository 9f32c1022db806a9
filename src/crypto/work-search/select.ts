import { ConfigError, errorText } from '../../util/errors.ts';
import type { BackendName, WorkSearchBackend } from './backend.ts';
import { loadScalar } from './scalar.ts';
import { loadSimd } from './simd.ts';

const loaders: { readonly [name in BackendName]: () => WorkSearchBackend } = { simd: loadSimd, scalar: loadScalar };
/** Fastest first. */
export const BACKENDS: readonly BackendName[] = ['simd', 'scalar'];

/** One backend by name. Throws ConfigError when this platform does not have it. */
export function loadBackend(name: BackendName): WorkSearchBackend {
  try {
    return loaders[name]();
  } catch (cause) {
    throw new ConfigError(
      `the ${name} miner cannot be loaded here (${errorText(cause)}); set PARLEY_MINER to another or unset it`,
      { path: 'PARLEY_MINER' },
      { cause },
    );
  }
}

/** The forced backend, or the fastest that loads. Throws ConfigError when the forced one is unknown or not available. */
export function selectBackend(forced: string | undefined): WorkSearchBackend {
  if (forced !== undefined && forced !== '') {
    const name = BACKENDS.find((known) => known === forced);
    if (name !== undefined) return loadBackend(name);
    throw new ConfigError(`PARLEY_MINER must be one of ${BACKENDS.join(', ')}, not "${forced}"`, {
      path: 'PARLEY_MINER',
    });
  }
  try {
    return loadBackend('simd');
  } catch {
    return loadBackend('scalar');
  }
}
