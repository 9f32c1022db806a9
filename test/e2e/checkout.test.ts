import { copyFileSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { VERSION } from '../../src/version.ts';
import { allReach } from './support/agreement.ts';
import { cleanUp, ROOT, temporaryDir, type ReadyLine } from './support/devnet.ts';
import { Launcher, stopLaunched } from './support/launcher.ts';
import { freePorts } from './support/ports.ts';
import { rpcAt } from './support/rpc.ts';

/** The checkout's own commands: they run what the package runs, built from these sources; the sources run by themselves too. */

afterEach(stopLaunched);
afterAll(cleanUp);

async function flags(): Promise<string[]> {
  const [rpcPort, p2pPort] = [await freePorts(2), await freePorts(2)];
  const ports = ['--rpc-port', String(rpcPort), '--p2p-port', String(p2pPort)];
  return [
    'devnet',
    '--json',
    '--nodes',
    '2',
    '--data-dir',
    join(temporaryDir(), 'data'),
    '--block-time',
    '300',
    ...ports,
  ];
}

/** Everything that the command needs but a bundler. */
function withoutBundler(): string {
  const directory = temporaryDir();
  const modules = join(directory, 'node_modules');
  mkdirSync(modules);
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (name !== 'rolldown' && name !== '.cache') symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }
  for (const name of ['src', 'consensus', 'p2p', 'storage', 'rpc', 'devnet', 'test'])
    symlinkSync(join(ROOT, name), join(directory, name));
  for (const name of ['parley.ts', 'build.ts', 'package.json']) copyFileSync(join(ROOT, name), join(directory, name));
  return directory;
}

describe('a checkout', () => {
  it.each([
    ['parley.ts', 'poa'],
    ['src/cli.ts', 'poa'],
    ['src/cli.ts', 'pow'],
  ])('runs a devnet by %s under %s', async (entry, consensus) => {
    const args = [...(await flags()), '--consensus', consensus];
    const launcher = new Launcher(args, [process.execPath, join(ROOT, entry)]);
    const ready = JSON.parse(await launcher.line((line) => line.includes('"ready"'))) as ReadyLine;
    await allReach(
      ready.nodes.map(({ rpc }) => rpcAt(rpc)),
      3,
    );
    launcher.signal('SIGTERM');
    expect(await launcher.exited).toEqual({ code: 0, signal: null });
    expect(launcher.stderr).toBe('');
  });

  it('without a bundler runs from its sources, and says so', async () => {
    const launcher = new Launcher(['--version'], [process.execPath, join(withoutBundler(), 'parley.ts')]);
    expect(await launcher.exited).toEqual({ code: 0, signal: null });
    expect(launcher.stdout).toBe(`${VERSION}\n`);
    expect(launcher.stderr).toMatch(
      /^parley: running from the sources, which starts more slowly: Cannot find package 'rolldown'/,
    );
  });
});
