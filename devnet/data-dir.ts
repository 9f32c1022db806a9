import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'smol-toml';
import { checkConfig } from '../src/node/config.ts';
import type { Config } from '../src/node/config-schema.ts';
import { ConfigError, ParleyError } from '../src/util/errors.ts';

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

/**
 * Opens or creates. `given`: only what the user said (file and flags). Throws DATA_DIR_IN_USE, or ConfigError when the
 * directory holds another network; either way nothing in it was changed.
 */
export function openDataDir(
  path: string,
  given: Given,
  options: { readonly fresh: boolean; readonly now: number },
): DataDir {
  const configFile = join(path, 'devnet.toml');
  assertNotInUse(path);
  const exists = existsSync(configFile);
  if (!exists && existsSync(path) && readdirSync(path).length > 0) {
    throw new ConfigError(`${path} is not empty and holds no devnet; choose another --data-dir`, { path: 'data-dir' });
  }
  const saved = exists && !options.fresh ? readSaved(configFile) : null;
  const config = checkConfig({
    ...saved,
    ...given,
    ...(saved === null ? {} : genesisOf(saved)),
    'data-dir': path,
    devnet: true,
  });
  if (saved !== null)
    assertSameNetwork(path, checkConfig(saved), checkConfig({ ...saved, ...given, 'data-dir': path, devnet: true }));
  const complete: Config = { ...config, genesis: { ...config.genesis, time: config.genesis.time ?? options.now } };
  if (options.fresh) deleteChains(path);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'devnet.pid'), `${process.pid} ${startTime(process.pid) ?? ''}\n`);
  writeFileSync(configFile, `# Written by parley devnet.\n${stringify(complete)}\n`, { mode: 0o600 });
  return {
    path,
    configFile,
    config: complete,
    created: saved === null,
    release: () => rmSync(join(path, 'devnet.pid'), { force: true }),
  };
}

/** The saved genesis time stands, unless the user named another (which assertSameNetwork then refuses). */
function genesisOf(saved: Given): Given {
  return { genesis: saved['genesis'] };
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

/** Signing guards outlive the chains they guarded, so they stay. */
function deleteChains(path: string): void {
  if (!existsSync(path)) return;
  for (const name of readdirSync(path)) {
    if (!/^node-\d+$/.test(name)) continue;
    for (const entry of readdirSync(join(path, name))) {
      if (entry !== 'guard') rmSync(join(path, name, entry), { recursive: true, force: true });
    }
  }
}

function assertNotInUse(path: string): void {
  let text: string;
  try {
    text = readFileSync(join(path, 'devnet.pid'), 'utf8').trim();
  } catch {
    return;
  }
  const [pidText, started] = text.split(' ');
  const pid = Number(pidText);
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid || !isAlive(pid)) return;
  // A number used again by another process is not the devnet that wrote it.
  if (started !== undefined && startTime(pid) !== null && startTime(pid) !== started) return;
  throw new ParleyError(
    'DATA_DIR_IN_USE',
    `${path} is in use by the devnet of process ${pid}; stop it or choose another --data-dir`,
    { pid },
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Clock ticks at which a process began; null where the system does not tell (then the number alone decides). */
function startTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}
