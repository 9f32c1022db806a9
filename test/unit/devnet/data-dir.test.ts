import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openDataDir } from '../../../devnet/data-dir.ts';

const root = mkdtempSync(join(tmpdir(), 'parley-data-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const place = (): string => join(root, String(count++));
const open = (path: string, given: Record<string, unknown> = {}, fresh = false, now = 1000) =>
  openDataDir(path, given, { fresh, now });

describe('the data directory', () => {
  it('keeps the genesis time of the first start', () => {
    const path = place();
    const first = open(path, { nodes: 2 });
    first.release();
    const second = open(path, {}, false, 9999);
    expect([first.created, second.created]).toEqual([true, false]);
    expect(second.config.genesis.time).toBe(1000);
    expect(second.config.nodes).toBe(2);
  });

  it.each([
    ['chain-id', { 'chain-id': 5 }],
    ['nodes', { nodes: 3 }],
    ['accounts', { accounts: 20 }],
    ['block-time', { 'block-time': 5 }],
    ['engine', { engine: { 'epoch-blocks': 9 } }],
    ['genesis', { genesis: { time: 5 } }],
  ])('refuses another %s and leaves everything as it was', (key, given) => {
    const path = place();
    open(path).release();
    const before = readFileSync(join(path, 'devnet.toml'), 'utf8');
    expect(() => open(path, given)).toThrow(expect.objectContaining({ code: 'CONFIG', data: { path: key } }));
    expect(readFileSync(join(path, 'devnet.toml'), 'utf8')).toBe(before);
  });

  it('lets ports and logs change', () => {
    const path = place();
    open(path).release();
    expect(open(path, { 'rpc-port': 4000, log: { level: 'debug' } }).config['rpc-port']).toBe(4000);
  });

  it('keeps parameters of the engine that are not named again', () => {
    const path = place();
    open(path, { engine: { 'epoch-blocks': 9, 'backup-delay-ms': 70 } }).release();
    const again = open(path, { engine: { 'epoch-blocks': 9 } });
    expect(again.config.engine).toEqual({ 'epoch-blocks': 9, 'backup-delay-ms': 70 });
    again.release();
    expect(open(path).config.engine).toEqual({ 'epoch-blocks': 9, 'backup-delay-ms': 70 });
  });

  it('is refused while another process has it, fresh or not', () => {
    const path = place();
    open(path).release();
    writeFileSync(join(path, 'devnet.pid'), `${process.ppid}\n`);
    for (const fresh of [false, true]) {
      expect(() => open(path, {}, fresh)).toThrow(expect.objectContaining({ code: 'DATA_DIR_IN_USE' }));
    }
  });

  it('is taken over from a process that is gone', () => {
    const path = place();
    open(path).release();
    writeFileSync(join(path, 'devnet.pid'), `${process.ppid} 1\n`);
    expect(open(path).created).toBe(false);
  });

  it('starts over without the chains but with the signing guards and the keys of accounts', () => {
    const path = place();
    open(path, { nodes: 2 }).release();
    for (const part of ['chain', 'guard', 'keystore']) mkdirSync(join(path, 'node-0', part), { recursive: true });
    const again = open(path, { nodes: 3 }, true, 5000);
    expect([again.created, again.config.nodes, again.config.genesis.time]).toEqual([true, 3, 5000]);
    expect(readdirSync(join(path, 'node-0')).sort()).toEqual(['guard', 'keystore']);
  });

  it('does not touch a directory that holds something else', () => {
    const path = place();
    mkdirSync(path);
    writeFileSync(join(path, 'thesis.txt'), 'years of work');
    for (const fresh of [false, true]) expect(() => open(path, {}, fresh)).toThrow('holds no devnet');
    expect(readFileSync(join(path, 'thesis.txt'), 'utf8')).toBe('years of work');
  });

  it('says what to do about a damaged one', () => {
    const path = place();
    open(path).release();
    writeFileSync(join(path, 'devnet.toml'), 'nodes = = =');
    expect(() => open(path)).toThrow('--fresh');
  });
});
