import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const HERE = dirname(fileURLToPath(import.meta.url));
const SIM = join(HERE, 'run.ts');
const CONFORMANCE = join(HERE, '../conformance/run.ts');

const folder = mkdtempSync(join(tmpdir(), 'parley-sim-'));
afterAll(() => rmSync(folder, { recursive: true }));

function run(script: string, ...args: readonly string[]): { readonly status: number | null; readonly text: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8', cwd: folder });
  return { status, text: stdout + stderr };
}

describe('npm run sim', () => {
  it('replays a seed with a timeline and the hash of its trace, and a part of it', () => {
    const args = ['--engine', 'poa', '--nodes', '4', '--seed', '3', '--minutes', '0.1'];
    const whole = run(SIM, ...args);
    expect(whole.status).toBe(0);
    expect(whole.text).toMatch(/1\.\d{3} n\d +head 1 0x/);
    expect(whole.text).toMatch(/trace [0-9a-f]{64}/);
    expect(run(SIM, ...args).text).toBe(whole.text);
    const part = run(SIM, ...args, '--keep', '0,1');
    expect(part.status).toBe(0);
    expect(part.text).not.toBe(whole.text);
  });

  it('sums up many seeds', () => {
    const { status, text } = run(SIM, '--seeds', '2', '--minutes', '0.1', '--adversaries', 'flooding', '--nodes', '4');
    expect(status).toBe(0);
    expect(text).toMatch(/poa: 2 seeds from 1: 0 failed/);
    expect(text).toMatch(/\d+ events, \d+ blocks final, \d+ transfers/);
  });

  it.each([
    [['--engine', 'nonsense'], 'unknown consensus engine "nonsense"; there are: poa'],
    [['--engine', './nowhere.ts'], 'nowhere.ts'],
    [['--seeds', '0'], '--seeds must be a whole number of at least 1'],
    [['--minutes', 'x'], '--minutes must be a positive number'],
    [['--twins', '1', '--adversaries', 'twin'], 'give one of them'],
    [['--adversaries', 'angry'], 'not "angry"'],
    [['--keep', '1,x'], '--keep must be a whole number'],
    [['--sneeds', '1'], 'sneeds'],
  ])('%j is wrong use', (args, message) => {
    const { status, text } = run(SIM, ...args);
    expect(status).toBe(2);
    expect(text).toContain(message);
  });
});

describe('npm run conformance', () => {
  it('says what is wrong with a module before anything runs', () => {
    const empty = join(folder, 'empty.ts');
    writeFileSync(empty, 'export const nothing = 1;\n');
    for (const [args, message] of [
      [['./nowhere.ts'], 'there is no module ./nowhere.ts'],
      [[empty], 'exports no engine'],
      [['poa', 'pow'], 'one engine at a time'],
      [['poa', '--seeds', 'many'], '--seeds must be a whole number'],
    ] as const) {
      const { status, text } = run(CONFORMANCE, ...args);
      expect(status).toBe(2);
      expect(text).toContain(message);
    }
  });
});
