import { ConfigError, errorText } from '../../util/errors.ts';
import type { BackendName, Secp256k1Backend } from './backend.ts';
import { loadNative } from './native.ts';
import { loadNoble } from './noble.ts';
import { loadWasm } from './wasm.ts';

const loaders: { readonly [name in BackendName]: () => Secp256k1Backend | Promise<Secp256k1Backend> } = {
  native: loadNative,
  wasm: loadWasm,
  noble: loadNoble,
};
export const BACKENDS: readonly BackendName[] = ['native', 'wasm', 'noble'];

/** One backend by name. Throws ConfigError when this platform does not have it. */
export async function loadBackend(name: BackendName): Promise<Secp256k1Backend> {
  try {
    return await loaders[name]();
  } catch (cause) {
    throw new ConfigError(
      `the ${name} secp256k1 backend cannot be loaded here (${errorText(cause)}); set PARLEY_CRYPTO to another or unset it`,
      { path: 'PARLEY_CRYPTO' },
      { cause },
    );
  }
}

/**
 * The forced backend, or the fastest that loads. Throws ConfigError when the forced one is unknown or not available.
 */
export async function selectBackend(forced: string | undefined): Promise<Secp256k1Backend> {
  if (forced !== undefined && forced !== '') {
    const name = BACKENDS.find((known) => known === forced);
    if (name !== undefined) return loadBackend(name);
    throw new ConfigError(`PARLEY_CRYPTO must be one of ${BACKENDS.join(', ')}, not "${forced}"`, {
      path: 'PARLEY_CRYPTO',
    });
  }
  for (const name of BACKENDS) {
    try {
      return await loadBackend(name);
    } catch {
      // The next one; `backendName()` tells which it became.
    }
  }
  throw new ConfigError('no secp256k1 backend can be loaded: install the dependencies again');
}
