import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'smol-toml';
import { CLI, cleanUp, runCli, startDevnet, temporaryDir } from './support/devnet.ts';
import { TestNode } from './support/node-process.ts';
import { freePorts } from './support/ports.ts';
import { blockAt, heightOf, type Rpc } from './support/rpc.ts';
import { until } from './support/wait.ts';

const lonely: TestNode[] = [];
afterAll(async () => {
  for (const node of lonely) await node.kill();
  await cleanUp();
});

/** Exit codes of the contract. */
const FAILED = 1;
const WRONG_USE = 2;

type Ended = Awaited<ReturnType<typeof runCli>>;

/** One clear line, no stack, nothing on stdout, and that exit code. */
function expectRefusal({ code, stdout, stderr }: Ended, exitCode: number, says: RegExp): void {
  expect(stderr).toMatch(says);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  expect(stderr).toMatch(/^parley: /);
  expect(stdout).toBe('');
  expect(code).toBe(exitCode);
}

function processesOf(mark: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(mark);
    } catch {
      return false;
    }
  });
}

async function portFlags(nodes = 2): Promise<string[]> {
  const [rpc, p2p] = [await freePorts(nodes), await freePorts(nodes)];
  return ['--nodes', String(nodes), '--rpc-port', String(rpc), '--p2p-port', String(p2p)];
}

/** What a directory holds, names and bytes, but for logs and lock files, which a look at it may touch. */
function contentOf(directory: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || /^(LOG|LOG\.old|LOCK|node\.log|node\.pid)$/.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(path, readFileSync(path).toString('base64'));
  }
  return files;
}

function readConfigPort(file: string): number {
  return Number(parse(readFileSync(file, 'utf8'))['rpc-port']);
}

async function stoppedDevnet(args: readonly string[] = []): Promise<string> {
  const devnet = await startDevnet({ nodes: 2, args: ['--block-time', '200', ...args] });
  await until('finality', async () => (await heightOf(devnet.rpcs[0] as Rpc, 'finalized')) > 3);
  expect(await devnet.stop()).toBe(0);
  return devnet.dataDir;
}

describe('wrong use', () => {
  it.each<readonly [string, readonly string[], RegExp]>([
    ['no command', [], /name a command.*parley --help/],
    ['an unknown command', ['frobnicate'], /unknown command 'frobnicate'/],
    ['an unknown flag', ['devnet', '--frobnicate'], /unknown option '--frobnicate'/],
    ['one argument too many', ['devnet', 'now'], /too many arguments/],
    ['no nodes', ['devnet', '--nodes', '0'], /nodes: .*>=1/],
    ['too many nodes', ['devnet', '--nodes', '65'], /nodes: .*<=64/],
    ['nodes that are no number', ['devnet', '--nodes', 'four'], /--nodes.*whole number/],
    ['an unknown engine', ['devnet', '--consensus', 'luck'], /consensus.*"luck"; there are: poa/],
    ['an engine that is no file', ['devnet', '--consensus', './luck.ts'], /consensus.*luck\.ts/],
    ['a bad phrase', ['devnet', '--mnemonic', 'test test test'], /mnemonic.*BIP-39/],
    ['an empty phrase', ['devnet', '--mnemonic', ''], /mnemonic.*BIP-39/],
    ['a port that is none', ['devnet', '--rpc-port', '70000'], /rpc-port: .*65535/],
    ['too few ports', ['devnet', '--p2p-port', '65534'], /p2p-port: .*65534.*4 nodes/],
    ['ports that meet', ['devnet', '--rpc-port', '30000', '--p2p-port', '30002'], /p2p-port: .*30002.*rpc-port/],
    ['a debt', ['devnet', '--balance', '-5'], /balance: .*coins/],
    ['too many accounts', ['devnet', '--accounts', '10001'], /accounts: .*10000/],
    ['a node without a configuration', ['node'], /--config <file>/],
    ['a key file without a password', ['wallet', 'new', '--out', 'x'], /--password-file/],
  ])('%s', async (_, args, says) => {
    const cwd = temporaryDir();
    const ended = await runCli(args, { cwd });
    expectRefusal(ended, WRONG_USE, says);
    expect(readdirSync(cwd), 'nothing is left behind').toEqual([]);
    expect(processesOf(cwd)).toEqual([]);
  });

  it('shows the stack when asked to', async () => {
    const { code, stderr } = await runCli(['devnet', '--nodes', '0', '--verbose']);
    expect(code).toBe(WRONG_USE);
    expect(stderr).toMatch(/^parley: .*\n(.*\n)*\s+at /);
  });

  it('the phrase of a refused start is not repeated', async () => {
    const { stderr } = await runCli(['devnet', '--mnemonic', 'my very secret words'], { cwd: temporaryDir() });
    expect(stderr).not.toContain('secret');
  });
});

describe('the configuration file', () => {
  it.each<readonly [string, string, RegExp]>([
    ['that is no TOML', 'nodes = 3\nrpc-port = [', /bad\.toml:2:\d+ is not valid TOML/],
    ['with an unknown key', 'nodez = 3', /bad\.toml: nodez: unknown key/],
    ['with an unknown key in a table', '[rpc]\nhostt = "x"', /bad\.toml: rpc\.hostt: unknown key/],
    ['with a wrong type', 'nodes = "four"', /bad\.toml: nodes: .*number/],
    ['with a wrong value in a table', '[p2p]\npeers-max = -3', /bad\.toml: p2p\.peers-max: .*>=1/],
    ['with an unknown namespace', '[rpc]\nnamespaces = ["devil"]', /bad\.toml: rpc\.namespaces\.0: /],
    ['with a wrong parameter of the engine', '[engine]\nluck = 1', /engine\.luck: .*"luck".*epochBlocks/],
    [
      'with a wrong value for the engine',
      '[engine]\nepoch-blocks = 0',
      /engine\.epoch-?[bB]locks: .*whole number from 1/,
    ],
    ['with a wrong address', '[genesis]\nvalidators = ["0x12"]', /genesis\.validators\.0: .*address/],
  ])('%s', async (_, text, says) => {
    const cwd = temporaryDir();
    writeFileSync(join(cwd, 'bad.toml'), text);
    expectRefusal(await runCli(['devnet', '--config', 'bad.toml', '--data-dir', 'data'], { cwd }), WRONG_USE, says);
    expectRefusal(await runCli(['node', '--config', 'bad.toml', '--data-dir', 'data'], { cwd }), WRONG_USE, /./);
    expect(existsSync(join(cwd, 'data'))).toBe(false);
  });

  it('that cannot be read', async () => {
    const cwd = temporaryDir();
    mkdirSync(join(cwd, 'folder'));
    for (const command of ['devnet', 'node']) {
      expectRefusal(
        await runCli([command, '--config', 'absent.toml'], { cwd }),
        WRONG_USE,
        /cannot read.*absent\.toml: ENOENT/,
      );
      expectRefusal(await runCli([command, '--config', 'folder'], { cwd }), WRONG_USE, /cannot read.*folder: EISDIR/);
    }
  });

  it('that a node cannot start from alone', async () => {
    const cwd = temporaryDir();
    expect((await runCli(['init'], { cwd })).code).toBe(0);
    expectRefusal(await runCli(['node', '--config', 'parley.toml'], { cwd }), WRONG_USE, /genesis\.time is missing/);
    expectRefusal(
      await runCli(['node', '--config', 'parley.toml', '--index', '9'], { cwd }),
      WRONG_USE,
      /--index 9: the network has nodes 0 to 3/,
    );
    expect(readdirSync(cwd)).toEqual(['parley.toml']);
  });
});

describe('init', () => {
  it('writes a file that a devnet starts from, and never over another', async () => {
    const cwd = temporaryDir();
    expect(await runCli(['init'], { cwd })).toMatchObject({ code: 0, stderr: '' });
    const file = join(cwd, 'parley.toml');
    const text = readFileSync(file, 'utf8');
    expect(parse(text)).toMatchObject({ consensus: 'poa', nodes: 4, 'chain-id': 31337, rpc: { host: '127.0.0.1' } });
    expectRefusal(await runCli(['init'], { cwd }), WRONG_USE, /parley\.toml exists; use --force/);
    expect(readFileSync(file, 'utf8')).toBe(text);
    expect((await runCli(['init', '--force'], { cwd })).code).toBe(0);
    const devnet = await startDevnet({ nodes: 2, args: ['--config', file] });
    expect(await devnet.stop()).toBe(0);
  });

  it('says where it cannot write', async () => {
    expectRefusal(await runCli(['init', '/nowhere/at/all.toml']), WRONG_USE, /cannot write.*\/nowhere\/at\/all\.toml/);
  });

  it('prints the schema and writes nothing', async () => {
    const cwd = temporaryDir();
    const { code, stdout } = await runCli(['init', '--schema'], { cwd });
    expect(code).toBe(0);
    const schema = JSON.parse(stdout) as { properties: Record<string, unknown> };
    expect(Object.keys(schema.properties)).toEqual(expect.arrayContaining(['consensus', 'nodes', 'rpc', 'mnemonic']));
    expect(readdirSync(cwd)).toEqual([]);
  });
});

describe('output that nobody reads to the end', () => {
  it('is no failure', async () => {
    const child = spawn(process.execPath, [CLI, 'init', '--schema'], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number];
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

describe('the data directory', () => {
  it('of another network is refused and left as it was', async () => {
    const dataDir = await stoppedDevnet();
    const before = contentOf(dataDir);
    for (const [flag, value, key] of [
      ['--chain-id', '5', 'chain-id'],
      ['--accounts', '3', 'accounts'],
      ['--nodes', '3', 'nodes'],
      ['--balance', '1', 'balance'],
      ['--block-time', '900', 'block-time'],
    ] as const) {
      const ended = await runCli(['devnet', '--data-dir', dataDir, flag, value]);
      expectRefusal(
        ended,
        WRONG_USE,
        new RegExp(`holds a network with another ${key}.*--fresh or choose another --data-dir`),
      );
    }
    expect(contentOf(dataDir)).toEqual(before);
    const again = await startDevnet({ nodes: 2, dataDir });
    expect(await heightOf(again.rpcs[0] as Rpc, 'finalized')).toBeGreaterThan(3);
    expect(await again.stop()).toBe(0);
  });

  it('whose chain is of another genesis is refused by the node, and left as it was', async () => {
    const dataDir = await stoppedDevnet();
    const config = join(dataDir, 'devnet.toml');
    const text = readFileSync(config, 'utf8');
    const before = contentOf(join(dataDir, 'node-0'));
    writeFileSync(config, text.replace(/chain-id = \d+/, 'chain-id = 77'));
    const says = /holds another chain: its genesis is 0x[0-9a-f]{64}, this configuration's is 0x[0-9a-f]{64}/;
    expectRefusal(await runCli(['node', '--config', config, '--index', '0']), FAILED, says);
    writeFileSync(config, text);
    // Reading a LevelDB rolls its own log over; what it says stays.
    const after = contentOf(join(dataDir, 'node-0'));
    expect(after.get(join(dataDir, 'node-0', 'peer.key'))).toBe(before.get(join(dataDir, 'node-0', 'peer.key')));
    const again = await startDevnet({ nodes: 2, dataDir });
    expect(await heightOf(again.rpcs[0] as Rpc, 'finalized')).toBeGreaterThan(3);
    expect(await again.stop()).toBe(0);
  });

  it.each([[[]], [['--fresh']]])('in use is refused with %j, and its devnet lives on', async (flags) => {
    const first = await startDevnet({ nodes: 2, args: ['--block-time', '200'] });
    const rpc = first.rpcs[0] as Rpc;
    const height = await until('a block', async () => (await heightOf(rpc)) || null);
    const known = await blockAt(rpc, height);
    const pidFile = readFileSync(join(first.dataDir, 'devnet.pid'), 'utf8');
    const ended = await runCli(['devnet', '--data-dir', first.dataDir, ...(await portFlags()), ...flags]);
    expectRefusal(
      ended,
      FAILED,
      new RegExp(`${first.dataDir} is in use by the devnet of process ${first.process.pid}; stop it`),
    );
    const node = await runCli(['node', '--config', join(first.dataDir, 'devnet.toml'), '--index', '0']);
    expectRefusal(node, FAILED, /another node uses the data directory .*node-0\/chain; stop it or choose another/);
    expect(readFileSync(join(first.dataDir, 'devnet.pid'), 'utf8')).toBe(pidFile);
    await until('it goes on', async () => (await heightOf(rpc)) > height + 2);
    expect((await blockAt(rpc, height))?.hash).toBe(known?.hash);
    expect(await first.stop()).toBe(0);
  });

  it.each([[[]], [['--fresh']]])('of a node that runs by itself is refused with %j and not touched', async (flags) => {
    const dataDir = await stoppedDevnet();
    const config = join(dataDir, 'devnet.toml');
    const node = new TestNode({ index: 0, configFile: config, dataDir, rpcPort: readConfigPort(config) });
    lonely.push(node);
    node.start();
    await node.answering();
    const names = readdirSync(join(dataDir, 'node-1'), { recursive: true });
    const ended = await runCli(['devnet', '--data-dir', dataDir, ...flags]);
    expectRefusal(ended, FAILED, new RegExp(`${dataDir}/node-0 is in use by the node of process ${node.pid}; stop it`));
    expect(readdirSync(join(dataDir, 'node-1'), { recursive: true })).toEqual(names);
    await node.kill('SIGKILL');
    // A number left by a dead process keeps nobody out.
    const again = await startDevnet({ nodes: 2, dataDir });
    expect(await heightOf(again.rpcs[0] as Rpc, 'finalized')).toBeGreaterThan(3);
    expect(await again.stop()).toBe(0);
  });

  it('that is a file, or holds something else, is refused', async () => {
    const cwd = temporaryDir();
    writeFileSync(join(cwd, 'file'), 'x');
    mkdirSync(join(cwd, 'photos'));
    writeFileSync(join(cwd, 'photos', 'cat.jpg'), 'x');
    expectRefusal(await runCli(['devnet', '--data-dir', 'file'], { cwd }), WRONG_USE, /data-dir.*file/);
    expectRefusal(await runCli(['devnet', '--data-dir', 'file/in/it'], { cwd }), WRONG_USE, /data-dir.*file\/in\/it/);
    expectRefusal(await runCli(['devnet', '--data-dir', ''], { cwd }), WRONG_USE, /data-dir/);
    for (const flags of [[], ['--fresh']]) {
      const ended = await runCli(['devnet', '--data-dir', 'photos', ...flags], { cwd });
      expectRefusal(ended, WRONG_USE, /photos is not empty and holds no devnet/);
    }
    expect(readdirSync(join(cwd, 'photos'))).toEqual(['cat.jpg']);
  });

  it(
    'with a damaged database or guard is refused by name, and the guard is never made anew',
    { timeout: 120_000 },
    async () => {
      const sound = await stoppedDevnet();
      for (const name of ['chain', 'guard']) {
        const dataDir = join(temporaryDir(), 'data');
        cpSync(sound, dataDir, { recursive: true });
        const config = join(dataDir, 'devnet.toml');
        writeFileSync(config, readFileSync(config, 'utf8').replaceAll(sound, dataDir));
        const database = join(dataDir, 'node-0', name);
        const manifest = readdirSync(database).find((file) => file.startsWith('MANIFEST')) ?? '';
        truncateSync(join(database, manifest), 10);
        const says = new RegExp(`the database in ${database} is damaged .*; restore a copy, or start over`);
        expectRefusal(await runCli(['node', '--config', config, '--index', '0']), FAILED, says);
        const ended = await runCli(['devnet', '--data-dir', dataDir]);
        expectRefusal(ended, FAILED, new RegExp(`node 0: the database in ${database} is damaged`));
        expect(processesOf(dataDir)).toEqual([]);
        expect(existsSync(join(dataDir, 'devnet.pid'))).toBe(false);
      }
    },
  );
});

describe('a port that is taken', () => {
  it.each<readonly [string, 'rpc' | 'p2p', RegExp]>([
    ['RPC', 'rpc', /node 1: port \d+ on 127\.0\.0\.1 is in use: stop the other program or choose another RPC port/],
    [
      'peer-to-peer',
      'p2p',
      /node 1: cannot listen on .*tcp\/\d+: the address is in use.*; stop the other program or choose another p2p-port/,
    ],
  ])('(%s) is named, and nothing stays behind', async (_, kind, says) => {
    const flags = await portFlags();
    const [rpcPort, p2pPort] = [Number(flags[3]), Number(flags[5])];
    const taken = createServer();
    await new Promise<void>((listening) =>
      taken.listen((kind === 'rpc' ? rpcPort : p2pPort) + 1, '127.0.0.1', listening),
    );
    const dataDir = join(temporaryDir(), 'data');
    expectRefusal(await runCli(['devnet', '--data-dir', dataDir, ...flags]), FAILED, says);
    expect(processesOf(dataDir)).toEqual([]);
    await new Promise((closed) => taken.close(closed));
    // The same command, with the port free again.
    const devnet = await startDevnet({ nodes: 2, dataDir });
    expect(await devnet.stop()).toBe(0);
  });
});
