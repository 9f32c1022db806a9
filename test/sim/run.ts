import { parseArgs } from 'node:util';
import { errorText } from '../../src/util/errors.ts';
import { simulatedEngines } from './engines.ts';
import { simulate, type SimOptions, type SimReport } from './simulate.ts';

/** `npm run sim`: one seed with a timeline, or many with a summary. */

const USAGE = `npm run sim -- [--engine poa|all] [--seed N | --seeds COUNT --from N] [--nodes N] [--twins N] [--minutes M]
  --seed N     replays one seed and prints what happens
  --seeds N    runs N seeds, beginning with --from (1)
  --nodes N    so many validators instead of a number drawn from the seed
  --twins N    so many twins as the only adversaries
  --minutes M  simulated minutes of faults (2)`;

type Settings = {
  readonly engines: readonly string[];
  readonly seed: number | null;
  readonly seeds: number;
  readonly from: number;
  readonly rest: Pick<SimOptions, 'nodes' | 'twins' | 'durationMs'>;
  /** As given, for the command that replays. */
  readonly restText: string;
};

function readSettings(args: readonly string[]): Settings {
  const text = { type: 'string' } as const;
  const options = { engine: text, seed: text, seeds: text, from: text, nodes: text, twins: text, minutes: text };
  const { values } = parseArgs({ args: [...args], options, strict: true });
  const whole = (name: 'seed' | 'seeds' | 'from' | 'nodes' | 'twins', least: number): number | undefined => {
    const given = values[name];
    if (given === undefined) return undefined;
    const value = Number(given);
    if (!Number.isSafeInteger(value) || value < least)
      throw new Error(`--${name} must be a whole number of at least ${least}`);
    return value;
  };
  const minutes = values.minutes === undefined ? undefined : Number(values.minutes);
  if (minutes !== undefined && !(minutes > 0)) throw new Error('--minutes must be a positive number');
  const engine = values.engine ?? 'poa';
  if (engine !== 'all' && !simulatedEngines.includes(engine)) {
    throw new Error(`--engine must be one of ${simulatedEngines.join(', ')}, all`);
  }
  const nodes = whole('nodes', 1);
  const twins = whole('twins', 0);
  return {
    engines: engine === 'all' ? simulatedEngines : [engine],
    seed: whole('seed', 0) ?? null,
    seeds: whole('seeds', 1) ?? 100,
    from: whole('from', 0) ?? 1,
    rest: {
      ...(nodes === undefined ? {} : { nodes }),
      ...(twins === undefined ? {} : { twins }),
      ...(minutes === undefined ? {} : { durationMs: minutes * 60_000 }),
    },
    restText: (['nodes', 'twins', 'minutes'] as const)
      .map((name) => (values[name] === undefined ? '' : ` --${name} ${values[name]}`))
      .join(''),
  };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function printFailure(report: SimReport, restText: string): void {
  print(
    `\nseed ${report.seed} of ${report.engine} (${report.nodes} validators, ${JSON.stringify(report.adversaries)}) fails:`,
  );
  for (const { atMs, code, details } of report.violations.slice(0, 10))
    print(`  at ${(atMs / 1000).toFixed(3)} s ${code}: ${details}`);
  print(`replay it with: npm run sim -- --engine ${report.engine} --seed ${report.seed}${restText}`);
}

async function replay(engine: string, seed: number, settings: Settings): Promise<number> {
  const report = await simulate({ engine, seed, ...settings.rest, tell: print });
  print(JSON.stringify(report.stats));
  print(`trace ${report.digest}`);
  if (report.violations.length === 0) return 0;
  printFailure(report, settings.restText);
  return 1;
}

async function runMany(engine: string, settings: Settings): Promise<number> {
  const { seeds, from } = settings;
  let failed = 0;
  let events = 0;
  let simulatedMs = 0;
  let blocks = 0;
  let transfers = 0;
  let slowestMs = 0;
  for (let seed = from; seed < from + seeds; seed++) {
    const report = await simulate({ engine, seed, ...settings.rest });
    events += report.stats.events;
    simulatedMs += report.stats.simulatedMs;
    blocks += report.stats.finalNumber;
    transfers += report.stats.transfers;
    slowestMs = Math.max(slowestMs, report.stats.recoveryMs ?? 0);
    if (report.violations.length > 0) {
      failed++;
      printFailure(report, settings.restText);
    }
    const done = seed - from + 1;
    if (process.stdout.isTTY) process.stdout.write(`\r${engine}: ${done}/${seeds} seeds, ${failed} failed `);
    else if (done % 50 === 0) print(`${engine}: ${done}/${seeds} seeds, ${failed} failed`);
  }
  print(`\n${engine}: ${seeds} seeds from ${from}: ${failed} failed`);
  print(
    `  ${events} events, ${Math.round(simulatedMs / 60_000)} simulated minutes, ${blocks} blocks final, ${transfers} transfers, slowest recovery ${slowestMs} ms`,
  );
  return failed;
}

async function main(): Promise<void> {
  const settings = readSettings(process.argv.slice(2));
  let failed = 0;
  for (const engine of settings.engines) {
    failed += settings.seed === null ? await runMany(engine, settings) : await replay(engine, settings.seed, settings);
  }
  process.exitCode = failed === 0 ? 0 : 1;
}

main().catch((error: unknown) => {
  process.stderr.write(`${errorText(error)}\n\n${USAGE}\n`);
  process.exitCode = 2;
});
