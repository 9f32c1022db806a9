import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * What runs: a few files that begin something, and what they share. With a module for each source file and each of its dependencies a
 * start costs twice the CPU time, and a node 50 MB more (docs/adr/0012-few-files-run.md).
 *
 * `npm run build` writes the package's `dist`. The checkout's own commands take a build of just these sources from BUILDS, and make it
 * when there is none: never changed afterwards, so that a node which loads its last part late finds it.
 */
const ROOT = fileURLToPath(new URL('.', import.meta.url));
const BUILDS = join(ROOT, 'node_modules/.cache/parley');
/** Builds kept for nodes that still run from them. */
const BUILDS_MAX = 32;
const SOURCES = [
  'src',
  'consensus',
  'p2p',
  'storage',
  'rpc',
  'devnet',
  'test/sim',
  'test/engines',
  'build.ts',
  'package-lock.json',
];
const NOTICES = 'THIRD-PARTY-NOTICES.txt';

const INPUT = {
  cli: join(ROOT, 'src/cli.ts'),
  'node-main': join(ROOT, 'src/node/node-main.ts'),
  'miner-worker': join(ROOT, 'src/node/miner-worker.ts'),
  sim: join(ROOT, 'test/sim/run.ts'),
};
/** What has files of its own beside its code, or may be missing. */
const EXTERNAL = ['secp256k1', 'tiny-secp256k1', 'level', 'pino', 'ioredis'];

/** Plain JavaScript and the notices of whatever is in it. Rejects when there is no bundler, or the directory cannot be written. */
export async function build(dir: string): Promise<void> {
  const { rolldown } = await import('rolldown');
  const bundle = await rolldown({ input: INPUT, platform: 'node', external: EXTERNAL });
  const { output } = await bundle.write({ dir, format: 'esm' });
  const modules = output.flatMap((part) => (part.type === 'chunk' ? part.moduleIds : []));
  writeFileSync(join(dir, NOTICES), notices(modules));
}

/** The command line of these very sources, built. */
export async function builtCli(): Promise<string> {
  const dir = join(BUILDS, fingerprint());
  const cli = join(dir, 'cli.js');
  if (existsSync(cli)) {
    utimesSync(dir, new Date(), new Date());
    return cli;
  }
  const temporary = `${dir}.${process.pid}`;
  mkdirSync(temporary, { recursive: true });
  try {
    await build(temporary);
    renameSync(temporary, dir);
  } catch (error) {
    // Somebody else may have been quicker; theirs is the same.
    if (!existsSync(cli)) throw error;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  removeOld();
  return cli;
}

function fingerprint(): string {
  const hash = createHash('sha256');
  for (const name of SOURCES) {
    for (const path of filesOf(name))
      hash
        .update(`${path}\0`)
        .update(readFileSync(join(ROOT, path)))
        .update('\0');
  }
  return hash.digest('hex').slice(0, 16);
}

function filesOf(name: string): string[] {
  if (name.includes('.')) return existsSync(join(ROOT, name)) ? [name] : [];
  const inside = readdirSync(join(ROOT, name), { recursive: true, encoding: 'utf8' });
  return inside
    .filter((path) => path.endsWith('.ts'))
    .map((path) => join(name, path))
    .sort();
}

function removeOld(): void {
  const builds = readdirSync(BUILDS).map((name) => ({
    path: join(BUILDS, name),
    usedAt: statSync(join(BUILDS, name)).mtimeMs,
  }));
  for (const { path } of builds.sort((a, b) => b.usedAt - a.usedAt).slice(BUILDS_MAX))
    rmSync(path, { recursive: true, force: true });
}

/** Licences of the packages that these modules come from. */
function notices(modules: readonly string[]): string {
  const roots = new Set(modules.flatMap((path) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []));
  const texts = [...roots].sort().map((root) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
      string,
      string
    >;
    const files = readdirSync(root).filter((file) => /^(licen[cs]e|notice)/i.test(file));
    return [
      `${name} ${version} (${license})`,
      ...files.map((file) => readFileSync(join(root, file), 'utf8').trim()),
    ].join('\n\n');
  });
  return `${texts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const dist = join(ROOT, 'dist');
  rmSync(dist, { recursive: true, force: true });
  await build(dist);
}
