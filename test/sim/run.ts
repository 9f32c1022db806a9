import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { errorText } from '../../src/util/errors.ts';
import { ADVERSARY_KINDS, type AdversaryKind } from './adversaries.ts';
import { loadUnderTest, simulatedEngines } from './engines.ts';
import { minimise, RERUNS_MAX } from './minimise.ts';
import { simulate, type SimOptions, type SimReport } from './simulate.ts';
import { Tally } from './tally.ts';

/** `parley sim`, in a checkout `npm run sim`: one seed with a timeline, or many with a summary. */

const OPTIONS = `[--engine ${simulatedEngines.join('|')}|all|./engine.ts] [--seed N | --seeds COUNT --from N] [...]
  --engine E        an engine of ours, all of them, or a module that exports \`engine\` (poa)
  --seed N          replays one seed and prints what happens
  --seeds N         runs N seeds (100), beginning with --from (1)
  --nodes N         so many validators (or miners) instead of a number drawn from the seed
  --twins N         so many twins as the only adversaries; more than a third is too many
  --adversaries K,K these as the only adversaries: ${ADVERSARY_KINDS.join(', ')}
  --minutes M       simulated minutes of faults (2)
  --keep I,I        only these parts of the seed's scenario, as a failure prints them`;

/** Failures that are made smaller; the others would be of the same kinds. */
const MINIMISED_MAX = 3;
const PROGRESS_SEEDS = 50;

type Rest = Omit<SimOptions, 'engine' | 'seed'>;
type Settings = {
  readonly engines: readonly string[];
  readonly seed: number | null;
  readonly seeds: number;
  readonly from: number;
  readonly rest: Rest;
  /** How these runs are asked for, and as what they were, for the command that replays. */
  readonly command: string;
  readonly restText: string;
};

function readSettings(args: readonly string[], command: string): Settings {
  const text = { type: 'string' } as const;
  const options = { engine: text, seed: text, seeds: text, from: text, nodes: text, twins: text } as const;
  const more = { minutes: text, adversaries: text, keep: text } as const;
  const { values } = parseArgs({ args: [...args], options: { ...options, ...more }, strict: true });
  const wholeOf = (name: string, given: string, least: number): number => {
    const value = given.trim() === '' ? Number.NaN : Number(given);
    if (Number.isSafeInteger(value) && value >= least) return value;
    throw new Error(`--${name} must be a whole number of at least ${least}`);
  };
  const whole = (name: 'seed' | 'seeds' | 'from' | 'nodes' | 'twins', least: number): number | undefined => {
    const given = values[name];
    return given === undefined ? undefined : wholeOf(name, given, least);
  };
  const minutes = values.minutes === undefined ? undefined : Number(values.minutes);
  if (minutes !== undefined && !(minutes > 0)) throw new Error('--minutes must be a positive number');
  if (values.twins !== undefined && values.adversaries !== undefined) {
    throw new Error('--twins N is short for --adversaries twin,twin,...: give one of them');
  }
  const nodes = whole('nodes', 1);
  const twins = whole('twins', 0);
  const adversaries = twins === undefined ? kindsOf(values.adversaries) : Array<AdversaryKind>(twins).fill('twin');
  const keep = values.keep?.split(',').flatMap((item) => (item === '' ? [] : [wholeOf('keep', item, 0)]));
  const engine = values.engine ?? 'poa';
  return {
    engines: engine === 'all' ? simulatedEngines : [engine],
    seed: whole('seed', 0) ?? null,
    seeds: whole('seeds', 1) ?? 100,
    from: whole('from', 0) ?? 1,
    rest: {
      ...(nodes === undefined ? {} : { nodes }),
      ...(adversaries === undefined ? {} : { adversaries }),
      ...(minutes === undefined ? {} : { durationMs: minutes * 60_000 }),
      ...(keep === undefined ? {} : { keep }),
    },
    command,
    restText: (['nodes', 'twins', 'adversaries', 'minutes'] as const)
      .map((name) => (values[name] === undefined ? '' : ` --${name} ${values[name]}`))
      .join(''),
  };
}

function kindsOf(given: string | undefined): readonly AdversaryKind[] | undefined {
  return given
    ?.split(',')
    .filter(Boolean)
    .map((name) => {
      const kind = ADVERSARY_KINDS.find((known) => known === name);
      if (kind === undefined) throw new Error(`--adversaries knows ${ADVERSARY_KINDS.join(', ')}; not "${name}"`);
      return kind;
    });
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function commandOf({ engine, seed }: SimReport, settings: Settings, keep?: readonly number[]): string {
  const { command, restText } = settings;
  const kept = keep === undefined ? '' : ` --keep ${keep.join(',') || "''"}`;
  return `${command} --engine ${engine} --seed ${seed}${restText}${kept}`;
}

async function printFailure(report: SimReport, settings: Settings, isMinimised: boolean): Promise<void> {
  const { rest } = settings;
  const { engine, seed, nodes, adversaries, violations } = report;
  print(`\nseed ${seed} of ${engine} (${nodes} nodes, adversaries ${JSON.stringify(adversaries)}) fails:`);
  for (const { atMs, code, details } of violations.slice(0, 10)) {
    print(`  at ${secondsOf(atMs)} ${code}: ${details}`);
  }
  print(`replay it with: ${commandOf(report, settings, rest.keep)}`);
  if (!isMinimised) return;
  const { parts, partsBefore, reruns } = await minimise({ ...rest, engine, seed }, report);
  const isCut = reruns >= RERUNS_MAX ? ', and perhaps fewer would do' : '';
  print(
    `of its ${partsBefore} faults, clients and adversaries these ${parts.length} are enough (${reruns} runs${isCut}):`,
  );
  for (const { index, atMs, text } of parts)
    print(`  ${index}${atMs === null ? '' : ` at ${secondsOf(atMs)}`} ${text}`);
  print(
    `replay that with: ${commandOf(
      report,
      settings,
      parts.map(({ index }) => index),
    )}`,
  );
}

function secondsOf(ms: number): string {
  return `${(ms / 1000).toFixed(3)} s`;
}

async function replay(engine: string, seed: number, settings: Settings): Promise<number> {
  const report = await simulate({ engine, seed, ...settings.rest, tell: print });
  print(JSON.stringify(report.stats));
  print(`trace ${report.digest}`);
  if (report.violations.length === 0) return 0;
  await printFailure(report, settings, settings.rest.keep === undefined);
  return 1;
}

async function runMany(engine: string, settings: Settings): Promise<number> {
  const { seeds, from } = settings;
  const tally = new Tally(engine);
  for (let seed = from; seed < from + seeds; seed++) {
    const report = await simulate({ engine, seed, ...settings.rest });
    tally.add(report);
    if (report.violations.length > 0) await printFailure(report, settings, tally.failed <= MINIMISED_MAX);
    const progress = `${engine}: ${tally.seeds}/${seeds} seeds, ${tally.failed} failed`;
    if (process.stdout.isTTY) process.stdout.write(`\r${progress} `);
    else if (tally.seeds % PROGRESS_SEEDS === 0) print(progress);
  }
  print('');
  for (const line of tally.lines(from)) print(line);
  return tally.failed;
}

/** The exit code: 0 nothing found, 1 something, 2 wrong use. `command`: what a person types before the options. */
export async function runSim(args: readonly string[], command: string): Promise<number> {
  if (args.includes('--help')) {
    print(`${command} ${OPTIONS}`);
    return 0;
  }
  try {
    const settings = readSettings(args, command);
    for (const engine of settings.engines) await loadUnderTest(engine);
    let failed = 0;
    for (const engine of settings.engines) {
      failed +=
        settings.seed === null ? await runMany(engine, settings) : await replay(engine, settings.seed, settings);
    }
    return failed === 0 ? 0 : 1;
  } catch (error) {
    process.stderr.write(`${errorText(error)}\n\n${command} ${OPTIONS}\n`);
    return 2;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = await runSim(process.argv.slice(2), 'npm run sim --');
}
