import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { builtCli } from '../../../build.ts';
import { freePorts } from './ports.ts';
import { rpcAt, type Rpc } from './rpc.ts';

export const ROOT = resolve(import.meta.dirname, '../../..');
/** As the package has it. */
export const CLI = await builtCli();
export const MNEMONIC = 'test test test test test test test test test test test junk';

export type ReadyNode = {
  readonly index: number;
  readonly rpc: string;
  readonly ws: string;
  readonly p2p: string;
  readonly pid: number;
  readonly validator: string;
};
export type ReadyLine = {
  readonly event: 'ready';
  readonly chainId: number;
  readonly consensus: string;
  readonly nodes: readonly ReadyNode[];
  readonly accounts: readonly string[];
};

export type RunningDevnet = {
  readonly ready: ReadyLine;
  /** Process start to the ready line. */
  readonly readyMs: number;
  readonly dataDir: string;
  readonly rpcs: readonly Rpc[];
  readonly process: ChildProcess;
  /** Asks it to stop and resolves with the exit code. Safe to call twice. */
  stop(): Promise<number | null>;
};

const temporary: string[] = [];
const running = new Set<RunningDevnet>();
/** Every launcher that lives, ready or not. */
const launchers = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of launchers) child.kill('SIGKILL');
});

export function temporaryDir(): string {
  const directory = mkdtempSync(join(tmpdir(), 'parley-test-'));
  temporary.push(directory);
  return directory;
}

/** Stops what tests left running and removes their directories; call it in afterAll. */
export async function cleanUp(): Promise<void> {
  await Promise.all([...running].map((devnet) => devnet.stop()));
  await Promise.all([...launchers].map(stopped));
  for (const directory of temporary.splice(0)) rmSync(directory, { recursive: true, force: true });
}

/** `parley devnet --json` as its own process, on free ports, resolved by its ready line. */
export async function startDevnet(
  options: { readonly nodes?: number; readonly dataDir?: string; readonly args?: readonly string[] } = {},
): Promise<RunningDevnet> {
  const nodes = options.nodes ?? 4;
  const dataDir = options.dataDir ?? join(temporaryDir(), 'data');
  const rpcPort = await freePorts(nodes);
  const p2pPort = await freePorts(nodes);
  const startedAt = performance.now();
  const child = spawn(
    process.execPath,
    [
      CLI,
      'devnet',
      '--json',
      '--nodes',
      String(nodes),
      '--data-dir',
      dataDir,
      '--rpc-port',
      String(rpcPort),
      '--p2p-port',
      String(p2pPort),
      ...(options.args ?? []),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  launchers.add(child);
  child.once('exit', () => launchers.delete(child));
  const ready = await readyLine(child, dataDir);
  const exited = new Promise<number | null>((done) => child.once('exit', (code) => done(code)));
  const devnet: RunningDevnet = {
    ready,
    readyMs: performance.now() - startedAt,
    dataDir,
    rpcs: ready.nodes.map(({ rpc }) => rpcAt(rpc)),
    process: child,
    stop: async () => {
      running.delete(devnet);
      child.kill('SIGTERM');
      return exited;
    },
  };
  running.add(devnet);
  return devnet;
}

/** A launcher whose test gave up before the ready line. */
function stopped(child: ChildProcess): Promise<void> {
  return new Promise((done) => {
    child.once('exit', () => done());
    child.kill('SIGTERM');
  });
}

function readyLine(child: ChildProcess, dataDir: string): Promise<ReadyLine> {
  return new Promise((done, failed) => {
    let out = '';
    let err = '';
    child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.stdout?.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      const line = out.split('\n').find((candidate) => candidate.startsWith('{"event":"ready"'));
      if (line !== undefined) done(JSON.parse(line) as ReadyLine);
    });
    child.once('exit', (code) => failed(new Error(`the devnet ended with ${code}: ${err}${nodeLogs(dataDir)}`)));
  });
}

/** The tail of every node's log, for a failure's message. */
export function nodeLogs(dataDir: string, lines = 15): string {
  let text = '';
  for (let index = 0; index < 16; index++) {
    const file = join(dataDir, `node-${index}`, 'node.log');
    if (!existsSync(file)) break;
    text += `\n--- node ${index}\n${readFileSync(file, 'utf8').split('\n').slice(-lines).join('\n')}`;
  }
  return text;
}

/** Runs the CLI to its end. */
export function runCli(
  args: readonly string[],
  options: { readonly cwd?: string } = {},
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = spawn(process.execPath, [CLI, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((done) => child.once('close', (code) => done({ code, stdout, stderr })));
}
