import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fromHex } from '../../../src/util/hex.ts';
import { KeyValueGuardStore } from '../../../storage/guard-store.ts';
import { keyOf, numberKey } from '../../../storage/keyspace.ts';
import { LevelStore } from '../../../storage/level.ts';
import { address, ffg, GENESIS, root, signer, signs, slot } from './fixture.ts';

/** `parley wallet slashing-protection` as its own process, on real databases. */

const CLI = resolve(import.meta.dirname, '../../../src/cli.ts');
const temporary: string[] = [];
afterAll(() => {
  for (const directory of temporary) rmSync(directory, { recursive: true, force: true });
});

type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string };

function run(...args: readonly string[]): Promise<Ended> {
  return new Promise((done) => {
    execFile(process.execPath, [CLI, 'wallet', 'slashing-protection', ...args], (error, stdout, stderr) => {
      done({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

function temporaryDir(): string {
  const directory = mkdtempSync(join(tmpdir(), 'parley-test-'));
  temporary.push(directory);
  return directory;
}

/** The directory of a devnet of two nodes, each with a chain of one block and a guard. */
async function devnetDir(genesisHash = GENESIS): Promise<string> {
  const dataDir = temporaryDir();
  for (const name of ['node-0', 'node-1']) {
    mkdirSync(join(dataDir, name));
    const chain = await LevelStore.open(join(dataDir, name, 'chain'));
    await chain.batch([{ key: keyOf('canonical', numberKey(0)), value: fromHex(genesisHash) }], { sync: true });
    await chain.close();
    await withGuard(join(dataDir, name), async () => {});
  }
  return dataDir;
}

async function withGuard(node: string, use: (guard: KeyValueGuardStore) => Promise<void>): Promise<void> {
  const kv = await LevelStore.open(join(node, 'guard'));
  await use(new KeyValueGuardStore(kv));
  await kv.close();
}

async function guardContent(node: string): Promise<readonly string[]> {
  const content: string[] = [];
  await withGuard(node, async (guard) => {
    for (const { key, value } of await guard.list('')) content.push(`${key} ${Buffer.from(value).toString()}`);
  });
  return content;
}

function expectRefusal({ code, stdout, stderr }: Ended, exitCode: number, says: RegExp): void {
  expect(stderr).toMatch(says);
  expect(stderr).toMatch(/^parley: [^\n]*\n$/);
  expect({ code, stdout }).toEqual({ code: exitCode, stdout: '' });
}

const FAILED = 1;
const WRONG_USE = 2;

describe('slashing-protection', () => {
  it('carries a history from one node to another, which is then bound by it', async () => {
    const dataDir = await devnetDir();
    const [from, to] = [join(dataDir, 'node-0'), join(dataDir, 'node-1')];
    await withGuard(from, async (guard) => {
      await signer(guard, 'complete').sign(root(1), ffg(1, 2));
      await signer(guard, 'complete').sign(root(2), ffg(5, 9));
      await signer(guard, 'complete').sign(root(3), slot(7));
      await signer(guard, 'complete').sign(root(4), { kind: 'once', domain: 'seal', height: 1, round: 0, step: 0 });
    });
    const out = join(dataDir, 'out.json');
    const written = await run('export', '--data-dir', dataDir, '--node', '0', '--out', out);
    expect(written).toEqual({
      code: 0,
      stdout: `wrote ${out}: keys 1, signed blocks 1, signed attestations 2\n`,
      stderr:
        'parley: records of other kinds (round-based votes, seals of authorities) stay behind, this format has no place for them: 1\n',
    });
    const read = await run('import', out, '--data-dir', dataDir, '--node', '1');
    expect(read).toEqual({
      code: 0,
      stdout: `imported keys 1, signed blocks 1, signed attestations 2 into ${join(to, 'guard')}\n`,
      stderr: '',
    });
    await withGuard(to, async (guard) => {
      const guarded = signer(guard, 'complete');
      expect(await signs(guarded, root(9), ffg(4, 10))).toBe(false);
      expect(await signs(guarded, root(9), slot(7))).toBe(false);
      expect(await signs(guarded, root(9), ffg(2, 3))).toBe(true);
    });
    // To standard output, of one key, the furthest only; the node's own directory does as well as the devnet's.
    const minimal = await run('export', '--data-dir', to, '--key', address(0), '--minimal');
    expect(minimal).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(minimal.stdout)).toMatchObject({
      metadata: { genesis_validators_root: GENESIS },
      data: [
        { pubkey: address(0), signed_attestations: [{ source_epoch: '5', target_epoch: '9', signing_root: root(2) }] },
      ],
    });
  });

  it('says how to use it, and what stays behind', async () => {
    const { code, stdout } = await run('--help');
    expect(code).toBe(0);
    expect(stdout).toMatch(/export .*\n[^]*import .*\n[^]*other kinds[^]*stay behind/);
  });

  it.each<readonly [string, number, RegExp, readonly string[]]>([
    ['no file', WRONG_USE, /missing required argument 'file'/, ['import']],
    [
      'a file that is not there',
      WRONG_USE,
      /cannot read the interchange file absent\.json: ENOENT/,
      ['import', 'absent.json', '--node', '0'],
    ],
    ['no node of several', WRONG_USE, /holds several nodes \(node-0, node-1\); name one with --node/, ['export']],
    [
      'a node that is not there',
      WRONG_USE,
      /node-7 does not exist; check --data-dir and --node/,
      ['export', '--node', '7'],
    ],
    ['a node that is no number', WRONG_USE, /--node.*whole number/, ['export', '--node', 'x']],
    ['a key that is none', WRONG_USE, /--key: expected an address/, ['export', '--node', '0', '--key', '0x12']],
    [
      'a key that signed nothing',
      WRONG_USE,
      /no record of 0x0{39}1 on this network/,
      ['export', '--node', '0', '--key', `0x${'0'.repeat(39)}1`],
    ],
    ['a genesis that is none', WRONG_USE, /--genesis: expected a hash/, ['export', '--node', '0', '--genesis', '0x12']],
    [
      'a genesis that is another',
      WRONG_USE,
      /--genesis: the chain in .* is another, its genesis is 0x1111/,
      ['export', '--node', '0', '--genesis', root(5)],
    ],
  ])('refuses %s', async (_, code, says, args) => {
    const dataDir = await devnetDir();
    expectRefusal(await run(...args, '--data-dir', dataDir), code, says);
  });

  it('never writes over a file, and nothing where there is no node', async () => {
    const dataDir = await devnetDir();
    const out = join(dataDir, 'out.json');
    writeFileSync(out, 'x');
    expectRefusal(
      await run('export', '--data-dir', dataDir, '--node', '0', '--out', out),
      WRONG_USE,
      /exists; name another/,
    );
    expect(readFileSync(out, 'utf8')).toBe('x');
    const lost = await run('export', '--data-dir', dataDir, '--node', '0', '--out', join(dataDir, 'no', 'where.json'));
    expectRefusal(lost, WRONG_USE, /cannot write .*where\.json/);
    const empty = temporaryDir();
    expectRefusal(await run('export', '--data-dir', empty), WRONG_USE, /there is no chain in .* --genesis/);
    expectRefusal(
      await run('export', '--data-dir', empty, '--genesis', GENESIS),
      WRONG_USE,
      /there is no signing guard in/,
    );
    writeFileSync(out, '{}');
    expectRefusal(
      await run('import', out, '--data-dir', empty, '--genesis', GENESIS),
      FAILED,
      /is damaged at metadata/,
    );
    expect(readdirSync(empty)).toEqual([]);
  });

  it('takes a history in before the first start, when the network is named', async () => {
    const [dataDir, file] = [temporaryDir(), join(temporaryDir(), 'in.json')];
    writeFileSync(file, interchange([{ slot: '5' }]));
    mkdirSync(join(dataDir, 'node-3'));
    const genesis = ['--data-dir', dataDir, '--node', '3', '--genesis', GENESIS];
    expect(await run('import', file, ...genesis)).toMatchObject({ code: 0, stderr: '' });
    const { stdout } = await run('export', ...genesis);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(interchange([{ slot: '5' }])));
    await withGuard(join(dataDir, 'node-3'), async (guard) => {
      expect(await signs(signer(guard, 'minimal'), root(1), slot(5))).toBe(false);
    });
  });

  it('is taken in nowhere but where a node will look for it', async () => {
    const [dataDir, file] = [temporaryDir(), join(temporaryDir(), 'in.json')];
    writeFileSync(file, interchange([{ slot: '5' }]));
    const options = ['--data-dir', dataDir, '--genesis', GENESIS];
    const refused = await run('import', file, ...options);
    expectRefusal(
      refused,
      WRONG_USE,
      /no signing guard in .*check --data-dir and --node.*started once, without its key/,
    );
    expect(readdirSync(dataDir)).toEqual([]);
    // Where a node was, which has lost its guard.
    writeFileSync(join(dataDir, 'peer.key'), '');
    const { code, stdout } = await run('import', file, ...options);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `imported keys 1, signed blocks 1, signed attestations 0 into ${join(dataDir, 'guard')}\n`,
    });
  });

  it('refuses while the node runs, and leaves its guard alone', async () => {
    const dataDir = await devnetDir();
    const node = join(dataDir, 'node-0');
    const file = join(dataDir, 'in.json');
    writeFileSync(file, interchange([{ slot: '5' }]));
    const both = [['export'], ['import', file]] as const;
    writeFileSync(join(node, 'node.pid'), `${process.pid} \n`);
    for (const args of both) {
      const ended = await run(...args, '--data-dir', dataDir, '--node', '0');
      expectRefusal(ended, FAILED, new RegExp(`node-0 is in use by the node of process ${process.pid}; stop it`));
    }
    rmSync(join(node, 'node.pid'));
    // A node that has only begun to start has no such file yet, but its databases.
    for (const name of ['chain', 'guard']) {
      const held = await LevelStore.open(join(node, name));
      for (const args of both) {
        const ended = await run(...args, '--data-dir', dataDir, '--node', '0');
        expectRefusal(ended, FAILED, new RegExp(`another node uses the data directory .*node-0/${name}; stop it`));
      }
      await held.close();
    }
    expect(await guardContent(node)).toEqual([]);
  });

  it.each<readonly [string, RegExp, string]>([
    ['of another network', /of another network: its genesis is 0x0+7, here it is 0x1111/, interchange([], root(7))],
    ['of another version', /of version "4", only 5 can be read/, interchange([]).replace('"5"', '"4"')],
    ['cut off', /is damaged: it is not JSON/, interchange([{ slot: '5' }]).slice(0, -9)],
    ['with a wrong number', /is damaged at data\[0\]\.signed_blocks\[0\]\.slot: /, interchange([{ slot: 5 }])],
    [
      'that contradicts the guard',
      /contradicts .* has two blocks for slot 4; nothing was written.*--accept-conflicts/,
      interchange([{ slot: '4', signing_root: root(9) }, { slot: '8' }]),
    ],
  ])('refuses a file %s, and the guard stays as it was', async (_, says, text) => {
    const dataDir = await devnetDir();
    const node = join(dataDir, 'node-0');
    const file = join(dataDir, 'in.json');
    await withGuard(node, async (guard) => {
      await signer(guard, 'minimal').sign(root(1), slot(4));
    });
    const before = await guardContent(node);
    writeFileSync(file, text);
    expectRefusal(await run('import', file, '--data-dir', dataDir, '--node', '0'), FAILED, says);
    expect(await guardContent(node)).toEqual(before);
    expect(existsSync(file)).toBe(true);
  });

  it('reports accepted conflicts, and then lets sign only above both', async () => {
    const dataDir = await devnetDir();
    const node = join(dataDir, 'node-0');
    const file = join(dataDir, 'in.json');
    await withGuard(node, async (guard) => {
      await signer(guard, 'minimal').sign(root(1), slot(4));
    });
    writeFileSync(file, interchange([{ slot: '4', signing_root: root(9) }, { slot: '8' }]));
    const ended = await run('import', file, '--data-dir', dataDir, '--node', '0', '--accept-conflicts');
    expect(ended).toMatchObject({ code: 0 });
    expect(ended.stderr).toBe(`parley: ${address(0)} has two blocks for slot 4; it may now sign only above both\n`);
    await withGuard(node, async (guard) => {
      expect(await signs(signer(guard, 'complete'), root(1), slot(8))).toBe(false);
      expect(await signs(signer(guard, 'complete'), root(1), slot(9))).toBe(true);
    });
  });
});

function interchange(blocks: readonly object[], genesisHash = GENESIS): string {
  return JSON.stringify({
    metadata: { interchange_format_version: '5', genesis_validators_root: genesisHash },
    data: [{ pubkey: address(0), signed_blocks: blocks, signed_attestations: [] }],
  });
}
