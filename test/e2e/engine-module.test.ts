import { spawn } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { agreedBlock, allReach, lowest } from './support/agreement.ts';
import { cleanUp, ROOT, runCli, startDevnet, temporaryDir } from './support/devnet.ts';
import { until } from './support/wait.ts';

/** An engine from outside the repository: the example, copied to where nothing of Parley is. */

const EXAMPLE = join(ROOT, 'docs/examples/sequencer.ts');
const FRIEND = '0x00000000000000000000000000000000000f1e1d';

afterAll(cleanUp);

function elsewhere(): string {
  const file = join(temporaryDir(), 'my-engine.ts');
  copyFileSync(EXAMPLE, file);
  return file;
}

function conformance(...args: readonly string[]): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(process.execPath, [join(ROOT, 'test/conformance/run.ts'), ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((done) => child.once('close', (code) => done({ code, output })));
}

describe('an engine from outside', () => {
  it('runs a devnet, keeps its chain over a restart, and shares its directory with no other engine', async () => {
    const engine = elsewhere();
    const dataDir = join(temporaryDir(), 'data');
    const args = ['--consensus', engine, '--block-time', '300'];
    const first = await startDevnet({ nodes: 3, dataDir, args });
    expect(first.ready.consensus).toBe('sequencer');
    const [from] = first.ready.accounts;
    const hash = await first.rpcs[2]?.<string>('eth_sendTransaction', [{ from, to: FRIEND, value: '0x5' }]);
    for (const rpc of first.rpcs) {
      await until('the receipt', () => rpc('eth_getTransactionReceipt', [hash]));
      expect(await rpc('eth_getBalance', [FRIEND, 'latest'])).toBe('0x5');
    }
    await allReach(first.rpcs, 5, 'finalized');
    const kept = await agreedBlock(first.rpcs, await lowest(first.rpcs, 'finalized'));
    expect(await first.stop()).toBe(0);

    const refused = await runCli(['devnet', '--consensus', 'pbft', '--data-dir', dataDir]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/another consensus .*--fresh/);

    const second = await startDevnet({ nodes: 3, dataDir, args });
    expect((await agreedBlock(second.rpcs, Number(kept.number))).hash).toBe(kept.hash);
    await allReach(second.rpcs, Number(kept.number) + 3, 'finalized');
    await second.stop();
  });

  it('passes the conformance suite and the simulator', { timeout: 240_000 }, async () => {
    const { code, output } = await conformance(elsewhere(), '--seeds', '5');
    expect(output).toMatch(/sequencer/);
    expect({ code, output: code === 0 ? '' : output.slice(-3000) }).toEqual({ code: 0, output: '' });
  });

  it('fails them when it calls final what is not', { timeout: 240_000 }, async () => {
    const engine = elsewhere();
    const honest = readFileSync(engine, 'utf8');
    const wrong = honest.replace('this.#final = header.parentHash', 'this.#final = hash');
    expect(wrong).not.toBe(honest);
    writeFileSync(engine, wrong);
    const { code, output } = await conformance(engine, '--seeds', '5');
    expect(code).toBe(1);
    expect(output).toMatch(/conflicting finality|finality moved/);
  });

  it.each([
    ['./no-such-engine.ts', /there is no engine module/],
    [join(ROOT, 'src/version.ts'), /must export an EngineFactory named "engine"/],
    ['raft', /unknown consensus engine "raft"; there are: poa, pos, dpos, pbft, pow/],
  ])('%s is refused as wrong configuration, in one line', async (name, reason) => {
    const dataDir = join(temporaryDir(), 'data');
    const { code, stderr, stdout } = await runCli(['devnet', '--consensus', name, '--data-dir', dataDir]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(reason);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it.each([
    ['pow', ['--block-time', '0'], /block-time: .*block time/],
    ['pbft', ['--block-time', '0'], null],
  ] as const)('%s with %j: %s', async (consensus, flags, reason) => {
    if (reason === null) {
      const devnet = await startDevnet({ nodes: 1, args: ['--consensus', consensus, ...flags] });
      expect(await devnet.rpcs[0]?.('eth_blockNumber')).toBe('0x0');
      await devnet.stop();
      return;
    }
    const { code, stderr } = await runCli(['devnet', '--consensus', consensus, ...flags, '--data-dir', temporaryDir()]);
    expect(code).toBe(2);
    expect(stderr).toMatch(reason);
  });
});
