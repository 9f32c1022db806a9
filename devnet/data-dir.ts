import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'smol-toml';
import { checkConfig } from '../src/node/config.ts';
import type { Config } from '../src/node/config-schema.ts';
import { pidFileHolder, removePidFile, writePidFile } from '../src/node/pid-file.ts';
import { ConfigError, errorText, ParleyError } from '../src/util/errors.ts';

/**
 * The data directory of a devnet: `devnet.toml` (the network as it was created, genesis time included), `devnet.pid` (who
 * runs it) and `node-<i>/` for each node. What decides the genesis can not change under a chain: a different value given on
 * the command line or in the file is an error, a value not given is taken from what was written.
 */

/** Keys that decide the genesis or the rules. The others (ports, logs …) may change from start to start. */
const FIXED_KEYS = [
  'consensus',
  'nodes',
  'chain-id',
  'block-time',
  'gas-limit',
  'base-fee',
  'accounts',
  'balance',
  'mnemonic',
  'engine',
  'genesis',
] as const;

export type DataDir = {
  readonly path: string;
  readonly configFile: string;
  readonly config: Config;
  readonly created: boolean;
  release(): void;
};

type Given = Readonly<Record<string, unknown>>;

type OpenOptions = { readonly fresh: boolean; readonly now: number };

/**
 * The network that `openDataDir` would open or create. `given`: only what the user said (file and flags). Throws
 * DATA_DIR_IN_USE, or ConfigError when the directory is none or holds another network. Writes nothing.
 */
export function planDataDir(
  path: string,
  given: Given,
  options: OpenOptions,
): { readonly config: Config; readonly created: boolean } {
  const configFile = join(path, 'devnet.toml');
  assertNotInUse(path);
  const exists = existsSync(configFile);
  if (!exists && existsSync(path) && namesIn(path).length > 0) {
    throw new ConfigError(`${path} is not empty and holds no devnet; choose another --data-dir`, { path: 'data-dir' });
  }
  const saved = exists && !options.fresh ? readSaved(configFile) : null;
  const asked = { ...saved, ...given, engine: paramsOf(saved, given), 'data-dir': path, devnet: true };
  const config = checkConfig({ ...asked, ...(saved === null ? {} : genesisOf(saved)) });
  if (saved !== null) assertSameNetwork(path, checkConfig(saved), checkConfig(asked));
  const complete: Config = { ...config, genesis: { ...config.genesis, time: config.genesis.time ?? options.now } };
  return { config: complete, created: saved === null };
}

/** Opens or creates. Throws as `planDataDir`; nothing was changed then. */
export function openDataDir(path: string, given: Given, options: OpenOptions): DataDir {
  const { config, created } = planDataDir(path, given, options);
  const configFile = join(path, 'devnet.toml');
  if (options.fresh) deleteChains(path);
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw unusable(path, error);
  }
  writePidFile(join(path, 'devnet.pid'));
  writeFileSync(configFile, `# Written by parley devnet.\n${stringify(config)}\n`, { mode: 0o600 });
  return {
    path,
    configFile,
    config,
    created,
    release: () => removePidFile(join(path, 'devnet.pid')),
  };
}

function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, error: unknown): ConfigError {
  return new ConfigError(`data-dir: ${path} cannot be used: ${errorText(error)}`, { path: 'data-dir' });
}

/** The saved genesis time stands, unless the user named another (which assertSameNetwork then refuses). */
function genesisOf(saved: Given): Given {
  return { genesis: saved['genesis'] };
}

/** Parameters that the user did not name stand as well; some were chosen when the network was created. */
function paramsOf(saved: Given | null, given: Given): unknown {
  const { engine } = given;
  if (saved === null || typeof engine !== 'object' || engine === null) return engine ?? saved?.['engine'];
  return { ...(saved['engine'] as Given | undefined), ...engine };
}

function readSaved(file: string): Given {
  try {
    return parse(readFileSync(file, 'utf8'));
  } catch {
    throw new ConfigError(`${file} is damaged; start over with --fresh or choose another --data-dir`, {
      path: 'data-dir',
    });
  }
}

function assertSameNetwork(path: string, saved: Config, wanted: Config): void {
  for (const key of FIXED_KEYS) {
    const before = JSON.stringify(saved[key]);
    const after = JSON.stringify(key === 'genesis' ? { ...saved.genesis, ...wanted.genesis } : wanted[key]);
    if (before === after) continue;
    const values = key === 'mnemonic' ? '' : ` (${before} there, ${after} asked for)`;
    throw new ConfigError(
      `${path} holds a network with another ${key}${values}; start over with --fresh or choose another --data-dir`,
      { path: key },
    );
  }
}

/** Outlive the chain: what a validator has signed, and the keys of accounts. */
const KEPT_ENTRIES = ['guard', 'keystore'];

function deleteChains(path: string): void {
  if (!existsSync(path)) return;
  for (const name of readdirSync(path)) {
    if (!/^node-\d+$/.test(name)) continue;
    for (const entry of readdirSync(join(path, name))) {
      if (!KEPT_ENTRIES.includes(entry)) rmSync(join(path, name, entry), { recursive: true, force: true });
    }
  }
}

/** By a devnet, or by a node of it that somebody started alone. */
function assertNotInUse(path: string): void {
  const files = [
    { directory: path, file: join(path, 'devnet.pid'), user: 'devnet' },
    ...nodeDirectories(path).map((directory) => ({ directory, file: join(directory, 'node.pid'), user: 'node' })),
  ];
  for (const { directory, file, user } of files) {
    const pid = pidFileHolder(file);
    if (pid === null) continue;
    const message = `${directory} is in use by the ${user} of process ${pid}; stop it or choose another --data-dir`;
    throw new ParleyError('DATA_DIR_IN_USE', message, { pid });
  }
}

function nodeDirectories(path: string): readonly string[] {
  if (!existsSync(path)) return [];
  return namesIn(path)
    .filter((name) => /^node-\d+$/.test(name))
    .map((name) => join(path, name));
}
