import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

/**
 * The figures to know, in one command: transfers and reads beside Anvil, and what the limiter costs. Each table is made by a process
 * of its own, one after the other, as its script alone would; `--runs` goes to all, `--txs` and `--calls` where they belong.
 */

const { values } = parseArgs({
  options: { runs: { type: 'string' }, txs: { type: 'string' }, calls: { type: 'string' } },
});
const { runs, txs, calls } = values;

const TABLES = [
  { title: 'Transfers', script: 'transfers.ts', flags: { runs, txs } },
  { title: 'Reads', script: 'reads.ts', flags: { runs, calls } },
  { title: 'Limiter', script: 'limiter.ts', flags: { runs } },
];

for (const { title, script, flags } of TABLES) {
  process.stdout.write(`\n## ${title}\n\n`);
  const args = Object.entries(flags).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));
  const child = spawn(process.execPath, [join(import.meta.dirname, script), ...args], { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code === 0) continue;
  process.stderr.write(`${script} failed\n`);
  process.exitCode = 1;
}
