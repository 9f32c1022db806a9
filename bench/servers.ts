import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { builtCli } from '../build.ts';
import { freePorts } from '../test/e2e/support/ports.ts';
import { descendants } from './process-stats.ts';
import { RpcClient } from './rpc-client.ts';

/** A server under measurement: where to send, which processes count, how it ends. */
export type Server = {
  readonly urls: readonly string[];
  /** Process start to the first answered call. */
  readonly firstAnswerMs: number;
  readonly pids: () => readonly number[];
  stop(): Promise<void>;
};

export type ServerSpec = { readonly name: string; readonly start: (accounts: number) => Promise<Server> };

const ROOT = resolve(import.meta.dirname, '..');

async function answersAt(url: string, startedAt: number): Promise<number> {
  const client = new RpcClient(url);
  try {
    for (let tries = 0; tries < 20_000; tries++) {
      try {
        await client.call('eth_blockNumber', []);
        return performance.now() - startedAt;
      } catch {
        await new Promise((wake) => setTimeout(wake, 3));
      }
    }
  } finally {
    client.close();
  }
  throw new Error(`${url} never answered`);
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((done) => child.once('exit', () => done()));
}

async function stopChild(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended(child);
  clearTimeout(timer);
}

export function anvil(name: string, args: readonly string[]): ServerSpec {
  return {
    name,
    start: async (accounts) => {
      const port = await freePorts(1);
      const startedAt = performance.now();
      const child = spawn(
        join(ROOT, 'node_modules/.bin/anvil'),
        ['--port', String(port), '--silent', '-a', String(accounts), ...args],
        { stdio: 'ignore' },
      );
      const url = `http://127.0.0.1:${port}`;
      const firstAnswerMs = await answersAt(url, startedAt);
      // The npm wrapper starts the real binary: only that one is the server.
      const real = descendants(child.pid ?? 0);
      const pids = real.length > 0 ? real : [child.pid ?? 0];
      return {
        urls: [url],
        firstAnswerMs,
        pids: () => pids,
        stop: async () => {
          for (const pid of pids) process.kill(pid, 'SIGTERM');
          await stopChild(child);
        },
      };
    },
  };
}

/** `cli`: what to run in place of the build, such as the sources. */
export function parley(name: string, nodes: number, args: readonly string[], cli?: string): ServerSpec {
  return {
    name,
    start: async (accounts) => {
      const directory = mkdtempSync(join(tmpdir(), 'parley-bench-'));
      const [rpcPort, p2pPort] = [await freePorts(nodes), await freePorts(nodes)];
      const entry = cli ?? (await builtCli());
      const startedAt = performance.now();
      const child = spawn(
        process.execPath,
        [
          entry,
          'devnet',
          '--json',
          '--nodes',
          String(nodes),
          '--accounts',
          String(accounts),
          '--data-dir',
          join(directory, 'data'),
          '--rpc-port',
          String(rpcPort),
          '--p2p-port',
          String(p2pPort),
          ...args,
        ],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      const urls = Array.from({ length: nodes }, (_, i) => `http://127.0.0.1:${rpcPort + i}`);
      const ready = readyLine(child);
      const firstAnswerMs = await answersAt(urls[0] ?? '', startedAt);
      const pids = await ready;
      return {
        urls,
        firstAnswerMs,
        pids: () => pids,
        stop: async () => {
          await stopChild(child);
          rmSync(directory, { recursive: true, force: true });
        },
      };
    },
  };
}

/** Resolves with the node processes' ids once the devnet says it is ready. */
function readyLine(child: ChildProcess): Promise<number[]> {
  return new Promise((done, failed) => {
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const line = text.split('\n').find((candidate) => candidate.includes('"event":"ready"'));
      if (line !== undefined) done((JSON.parse(line) as { nodes: { pid: number }[] }).nodes.map(({ pid }) => pid));
    });
    child.once('exit', (code) => failed(new Error(`the devnet ended with ${code}`)));
  });
}
