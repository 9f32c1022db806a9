import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { errorText } from '../../src/util/errors.ts';
import { builtInEngines, engineUnderTest } from '../engines/engine-under-test.ts';

/**
 * `npm run conformance`: judges an engine, ours or anybody's, by the contract of consensus/README.md: first on small hosts,
 * step by step, then in simulated clusters of real nodes. Without an engine: every conformance suite there is.
 */

const USAGE = `npm run conformance -- [./my-engine.ts | ${builtInEngines.join(' | ')}] [--seeds N]
  --seeds N  simulated clusters (50)`;

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const VITEST = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
const SEEDS = 50;

function run(script: string, args: readonly string[], env: { readonly [name: string]: string } = {}): boolean {
  const options = { cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...env } } as const;
  return spawnSync(process.execPath, [script, ...args], options).status === 0;
}

function suites(paths: string, env: { readonly [name: string]: string } = {}): boolean {
  return run(VITEST, ['run', '--project', 'unit', paths], env);
}

/** An id of ours, or the whole path of a module with an engine in it. Throws Error that says what is wrong. */
async function findEngine(name: string): Promise<string> {
  if (builtInEngines.includes(name)) return name;
  // npm changes the folder; the path is meant from where the command was given.
  const path = resolve(process.env['INIT_CWD'] ?? process.cwd(), name);
  if (!existsSync(path)) {
    throw new Error(`there is no module ${name} (${path}), and our engines are: ${builtInEngines.join(', ')}`);
  }
  await engineUnderTest(path);
  return path;
}

async function judge(name: string, seeds: number): Promise<boolean> {
  const engine = await findEngine(name);
  print(`${name}: the contract, on small hosts`);
  const isConforming = suites('test/conformance/engine.test.ts', { PARLEY_ENGINE: engine });
  print(`${name}: simulated clusters`);
  const isSound = run('test/sim/run.ts', ['--engine', engine, '--seeds', `${seeds}`]);
  print('');
  print(`${name}: ${isConforming ? 'keeps' : 'BREAKS'} the contract of consensus/README.md`);
  print(`${name}: ${isSound ? 'is safe and live' : 'FAILS'} in ${seeds} simulated clusters`);
  return isConforming && isSound;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options: { seeds: { type: 'string' } }, allowPositionals: true });
  const seeds = Number(values.seeds ?? SEEDS);
  if (!Number.isSafeInteger(seeds) || seeds < 1) throw new Error('--seeds must be a whole number of at least 1');
  const [name, ...more] = positionals;
  if (more.length > 0) throw new Error(`one engine at a time, not ${positionals.join(' and ')}`);
  if (name === undefined && values.seeds !== undefined) throw new Error('--seeds is for one engine');
  const isGood = name === undefined ? suites('test/conformance') : await judge(name, seeds);
  process.exitCode = isGood ? 0 : 1;
}

main().catch((error: unknown) => {
  process.stderr.write(`${errorText(error)}\n\n${USAGE}\n`);
  process.exitCode = 2;
});
