import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VERSION } from '../../src/version.ts';
import { simulate } from '../sim/simulate.ts';
import { cleanUp, ROOT, temporaryDir, type ReadyLine } from './support/devnet.ts';
import { ENGINES } from './support/engines.ts';
import { isAlive, Launcher, stopLaunched } from './support/launcher.ts';
import { freePorts } from './support/ports.ts';
import { rpcAt } from './support/rpc.ts';
import { until } from './support/wait.ts';

/** The package as users get it: built, packed, installed elsewhere, and run from there. */

const run = promisify(execFile);
const NODE_MAJOR_MIN = 20;
/** What the build reads; the checkout's own dist stays as it is. */
const SOURCES = ['src', 'consensus', 'p2p', 'storage', 'rpc', 'devnet', 'docs', 'test/sim', 'test/engines'];
const FILES = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'build.ts', 'README.md', 'LICENSE'];

type Packed = { readonly filename: string; readonly files: readonly { readonly path: string }[] };
type NodeBinary = { readonly version: string; readonly file: string };

/** Each version of Node on the search path that the package supports, once. */
async function nodesOnPath(): Promise<NodeBinary[]> {
  const found = new Map<string, string>([[process.version, process.execPath]]);
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    const file = join(directory, 'node');
    if (!existsSync(file)) continue;
    const { stdout } = await run(file, ['--version']);
    if (!found.has(stdout.trim())) found.set(stdout.trim(), realpathSync(file));
  }
  const fit = (version: string) => Number(/^v(\d+)/.exec(version)?.[1]) >= NODE_MAJOR_MIN;
  return [...found].filter(([version]) => fit(version)).map(([version, file]) => ({ version, file }));
}

/** As a shell of its own would have it: nothing of the npm that runs the tests. */
function plainEnv(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_ENV$|INIT_CWD$)/.test(name)));
}

const npm = async (cwd: string, ...args: string[]): Promise<string> =>
  (await run('npm', args, { cwd, env: plainEnv(), maxBuffer: 64 * 1024 * 1024 })).stdout;

describe('the installed package', async () => {
  const nodes = await nodesOnPath();
  let app: string;
  let packed: Packed;

  beforeAll(async () => {
    const directory = temporaryDir();
    const copy = join(directory, 'copy');
    app = join(directory, 'app');
    mkdirSync(copy);
    mkdirSync(app);
    for (const name of [...SOURCES, ...FILES]) {
      if (existsSync(join(ROOT, name))) cpSync(join(ROOT, name), join(copy, name), { recursive: true });
    }
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
    await npm(copy, 'run', 'build');
    [packed] = JSON.parse(await npm(copy, 'pack', '--json', '--ignore-scripts')) as [Packed];
    writeFileSync(join(app, 'package.json'), '{"name":"app","version":"1.0.0","private":true}\n');
    const flags = ['--prefer-offline', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'];
    await npm(app, 'install', ...flags, join(copy, packed.filename));
  }, 180_000);
  afterAll(async () => {
    await stopLaunched();
    await cleanUp();
  });

  it('holds plain JavaScript with its types, and nothing of the workshop', () => {
    const paths = packed.files.map(({ path }) => path);
    const expected = [
      'dist/cli.js',
      'dist/types/consensus/api/engine.d.ts',
      'dist/THIRD-PARTY-NOTICES.txt',
      'README.md',
      'LICENSE',
    ];
    expect(expected.filter((path) => !paths.includes(path))).toEqual([]);
    // The example of an engine is a document.
    const code = paths.filter((path) => !path.startsWith('docs/examples/'));
    expect(
      code.filter((path) => /^(test|bench|src)\//.test(path) || (path.endsWith('.ts') && !path.endsWith('.d.ts'))),
    ).toEqual([]);
  });

  it("has the types that an engine of one's own is written against", async () => {
    const example = readFileSync(join(ROOT, 'docs/examples/sequencer.ts'), 'utf8');
    const own = example.replaceAll(/'\.\.\/\.\.\/(.+)\.ts'/g, "'parley/dist/types/$1.js'");
    expect(own).toContain("from 'parley/dist/types/consensus/api/engine.js'");
    writeFileSync(join(app, 'my-engine.ts'), own);
    const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--types', ''];
    await run(join(ROOT, 'node_modules/.bin/tsc'), [...flags, 'my-engine.ts'], { cwd: app });
    const wrong = own.replace("finality: '", "finality: 'no such ");
    writeFileSync(join(app, 'my-engine.ts'), wrong);
    await expect(
      run(join(ROOT, 'node_modules/.bin/tsc'), [...flags, 'my-engine.ts'], { cwd: app }),
    ).rejects.toMatchObject({
      stdout: expect.stringContaining('error TS2322') as string,
    });
  });

  it('answers npx parley', async () => {
    const npx = async (...args: string[]) =>
      (await run('npx', ['--no-install', 'parley', ...args], { cwd: app, env: plainEnv() })).stdout;
    expect((await npx('--version')).trim()).toBe(VERSION);
    await npx('init');
    expect(readFileSync(join(app, 'parley.toml'), 'utf8')).toContain('consensus = ');
    await expect(npx('devnet', '--nodes', 'many')).rejects.toMatchObject({ code: 2 });
    const { digest } = await simulate({ engine: 'pbft', seed: 7, durationMs: 12_000 });
    expect(await npx('sim', '--engine', 'pbft', '--seed', '7', '--minutes', '0.2')).toContain(`trace ${digest}`);
  });

  describe.each(nodes)('on Node $version', ({ file }) => {
    it.each(ENGINES)('starts, moves money and stops a devnet under $consensus', async (engine) => {
      const [rpcPort, p2pPort] = [await freePorts(2), await freePorts(2)];
      const ports = ['--rpc-port', String(rpcPort), '--p2p-port', String(p2pPort)];
      const places = ['--nodes', '2', '--data-dir', join(temporaryDir(), 'data'), ...ports];
      const parley = realpathSync(join(app, 'node_modules/.bin/parley'));
      const launcher = new Launcher(['devnet', '--json', ...engine.args, ...places], [file, parley], app);
      const ready = JSON.parse(await launcher.line((line) => line.includes('"ready"'))) as ReadyLine;
      const [first, second] = ready.nodes.map(({ rpc }) => rpcAt(rpc));
      const [from, to] = ready.accounts;
      const hash = await first?.('eth_sendTransaction', [{ from, to, value: '0x1' }]);
      await until('the receipt', async () => second?.('eth_getTransactionReceipt', [hash]));
      launcher.signal('SIGINT');
      expect(await launcher.exited).toEqual({ code: 0, signal: null });
      expect(ready.nodes.map(({ pid }) => pid).filter(isAlive)).toEqual([]);
    });
  });
});
