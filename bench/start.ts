import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { builtCli } from '../build.ts';
import { freePorts } from '../test/e2e/support/ports.ts';
import { cpuMs, median, rssMb } from './process-stats.ts';

/**
 * What it takes to start, run from the sources and built: a devnet of `--nodes` until its ready line, CPU time and memory of its nodes a
 * moment later. Each once before anything is counted, so that the compile cache is warm. `npm run bench:start -- --runs 5`.
 */

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    nodes: { type: 'string', default: '4' },
    consensus: { type: 'string', default: 'poa' },
  },
});
const [runs, nodes] = [Number(values.runs), Number(values.nodes)];
/** For what a node does after its ready line: the first blocks, peers. */
const SETTLE_MS = 2_000;

type Start = { readonly readyMs: number; readonly cpuMs: number; readonly rssMb: number };

async function start(cli: string): Promise<Start> {
  const directory = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  const [rpcPort, p2pPort] = [await freePorts(nodes), await freePorts(nodes)];
  const places = ['--data-dir', join(directory, 'data'), '--rpc-port', String(rpcPort), '--p2p-port', String(p2pPort)];
  const args = [cli, 'devnet', '--json', '--consensus', values.consensus, '--nodes', String(nodes), ...places];
  const startedAt = performance.now();
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise((done) => child.once('exit', done));
  try {
    const line = await new Promise<string>((done, failed) => {
      child.stdout.once('data', (chunk: Buffer) => done(chunk.toString()));
      child.once('exit', (code) => failed(new Error(`the devnet ended with ${code}`)));
    });
    const readyMs = performance.now() - startedAt;
    const pids = (JSON.parse(line) as { nodes: { pid: number }[] }).nodes.map(({ pid }) => pid);
    await new Promise((wake) => setTimeout(wake, SETTLE_MS));
    const sum = (of: (pid: number) => number): number => pids.map(of).reduce((total, one) => total + one, 0);
    return { readyMs, cpuMs: sum(cpuMs), rssMb: sum(rssMb) };
  } finally {
    child.kill('SIGTERM');
    await exited;
    rmSync(directory, { recursive: true, force: true });
  }
}

const ways = { sources: resolve(import.meta.dirname, '../src/cli.ts'), built: await builtCli() };
const starts: Record<keyof typeof ways, Start[]> = { sources: [], built: [] };
for (let run = 0; run <= runs; run++) {
  for (const way of ['sources', 'built'] as const) {
    const one = await start(ways[way]);
    if (run > 0) starts[way].push(one);
  }
}
const rows = (['sources', 'built'] as const).map((way) => {
  const of = (key: keyof Start): string => median(starts[way].map((one) => one[key])).toFixed(0);
  return `| ${way} | ${of('readyMs')} | ${of('cpuMs')} | ${of('rssMb')} |`;
});
process.stdout.write(
  [
    `| ${nodes} nodes, ${values.consensus} | ready ms | CPU ms, all nodes | RSS MB, all nodes |`,
    '| --- | ---: | ---: | ---: |',
    ...rows,
    '',
  ].join('\n'),
);
