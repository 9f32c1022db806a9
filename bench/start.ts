import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { builtCli } from '../build.ts';
import { cpuMs, median, rssMb } from './process-stats.ts';
import { parley, type ServerSpec } from './servers.ts';

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
const ACCOUNTS = 10;

type Start = { readonly readyMs: number; readonly cpuMs: number; readonly rssMb: number };

async function start({ start: begin }: ServerSpec): Promise<Start> {
  const startedAt = performance.now();
  const server = await begin(ACCOUNTS);
  try {
    const readyMs = performance.now() - startedAt;
    await new Promise((wake) => setTimeout(wake, SETTLE_MS));
    const sum = (of: (pid: number) => number): number => server.pids().reduce((total, pid) => total + of(pid), 0);
    return { readyMs, cpuMs: sum(cpuMs), rssMb: sum(rssMb) };
  } finally {
    await server.stop();
  }
}

await builtCli();
const args = ['--consensus', values.consensus];
const ways = {
  sources: parley('sources', nodes, args, resolve(import.meta.dirname, '../src/cli.ts')),
  built: parley('built', nodes, args),
};
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
