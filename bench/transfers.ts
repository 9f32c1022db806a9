import { parseArgs } from 'node:util';
import { median } from './process-stats.ts';
import { anvil, parley, type ServerSpec } from './servers.ts';
import { measureTransfers, signedTransfers, type TransferResult } from './transfer-load.ts';

/**
 * Transfers beside Anvil in one run: each server in turn, freshly started each time, so that a drift of the machine hits all
 * alike. Medians over the runs; the ratio lines compare with Anvil's one-second blocks and raised gas limit.
 */

const CHAIN_ID = 31337;
const GAS_LIMIT = '1000000000';

const SERVERS: readonly ServerSpec[] = [
  anvil('anvil, 1 s blocks', ['--block-time', '1', '--gas-limit', GAS_LIMIT]),
  anvil('anvil, automine', []),
  parley('parley, 1 node, 1 s blocks', 1, ['--gas-limit', GAS_LIMIT]),
  parley('parley, 4 nodes, 1 s blocks', 4, ['--gas-limit', GAS_LIMIT]),
  parley('parley, 1 node, block time 0', 1, ['--gas-limit', GAS_LIMIT, '--block-time', '0']),
];

type Column = { readonly title: string; readonly of: (result: TransferResult) => number; readonly digits: number };
const COLUMNS: readonly Column[] = [
  { title: 'included %', of: (r) => r.includedShare * 100, digits: 1 },
  { title: 'submit/s', of: (r) => r.submitPerSecond, digits: 0 },
  { title: 'committed/s', of: (r) => r.committedPerSecond, digits: 0 },
  { title: 'submit p50 ms', of: (r) => r.submitP50Ms, digits: 1 },
  { title: 'p99 ms', of: (r) => r.submitP99Ms, digits: 1 },
  { title: 'inclusion p50 ms', of: (r) => r.inclusionP50Ms, digits: 0 },
  { title: 'p99 ms', of: (r) => r.inclusionP99Ms, digits: 0 },
  { title: 'server CPU ms/tx', of: (r) => r.cpuMsPerTx, digits: 3 },
  { title: 'RSS MB', of: (r) => r.rssMb, digits: 0 },
  { title: 'first answer ms', of: (r) => r.firstAnswerMs, digits: 0 },
];

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    txs: { type: 'string', default: '5000' },
    accounts: { type: 'string', default: '64' },
    concurrency: { type: 'string', default: '32' },
    only: { type: 'string', default: '' },
  },
});

const options = {
  txs: Number(values.txs),
  accounts: Number(values.accounts),
  concurrency: Number(values.concurrency),
  patienceMs: 15_000,
};
const signed = signedTransfers(CHAIN_ID, options.txs, options.accounts);
const servers = SERVERS.filter(({ name }) => name.includes(values.only));
const results = new Map<string, TransferResult[]>(servers.map(({ name }) => [name, []]));

for (let run = 0; run < Number(values.runs); run++) {
  for (const spec of servers) {
    const server = await spec.start(options.accounts);
    try {
      const result = await measureTransfers(server, signed, options);
      results.get(spec.name)?.push(result);
      process.stderr.write(
        `run ${run + 1}: ${spec.name}: ${result.committedPerSecond.toFixed(0)}/s, ${result.cpuMsPerTx.toFixed(3)} CPU ms/tx\n`,
      );
    } finally {
      await server.stop();
    }
  }
}

const rows = servers.map(({ name }) => ({
  name,
  figures: COLUMNS.map(({ of }) => median((results.get(name) ?? []).map(of))),
}));
const print = (cells: readonly string[]): void => void process.stdout.write(`| ${cells.join(' | ')} |\n`);
process.stdout.write(
  `${options.txs} transfers, ${options.accounts} accounts, ${options.concurrency} in flight, medians of ${values.runs} runs\n\n`,
);
print(['server', ...COLUMNS.map(({ title }) => title)]);
print(['---', ...COLUMNS.map(() => '---:')]);
for (const { name, figures } of rows)
  print([name, ...figures.map((figure, i) => figure.toFixed(COLUMNS[i]?.digits ?? 0))]);
const base = rows[0];
if (base !== undefined && rows.length > 1) {
  process.stdout.write(`\nratios to ${base.name}\n\n`);
  print(['server', ...COLUMNS.map(({ title }) => title)]);
  print(['---', ...COLUMNS.map(() => '---:')]);
  for (const { name, figures } of rows.slice(1))
    print([name, ...figures.map((figure, i) => (figure / (base.figures[i] ?? NaN)).toFixed(2))]);
}
