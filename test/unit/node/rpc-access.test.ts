import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { DEFAULT_RPC_LIMITS, limitKey, RPC_LIMITS } from '../../../rpc/limits.ts';
import { checkConfig, configTemplate } from '../../../src/node/config.ts';
import { openNamespaces, readRpcAccess, rpcLimits, type RpcAccess } from '../../../src/node/rpc-access.ts';

const directory = mkdtempSync(join(tmpdir(), 'parley-rpc-access-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const HASH = createHash('sha256').update('secret key').digest('hex');
let files = 0;

function file(text: string, ending = 'toml'): string {
  const path = join(directory, `${files++}.${ending}`);
  writeFileSync(path, text);
  return path;
}

function read(rpc: Record<string, unknown>): RpcAccess {
  return readRpcAccess(checkConfig({ rpc }).rpc);
}

describe('the keys', () => {
  it.each([
    [
      'toml',
      `[[keys]]\nname = "a"\nsha256 = "${HASH}"\n[[keys]]\nname = "b"\nsha256 = "${HASH}"
namespaces = ["eth", "admin"]\nrate-limit = { capacity = 100, rate = 2.5 }`,
    ],
    [
      'json',
      JSON.stringify({
        keys: [
          { name: 'a', sha256: HASH },
          { name: 'b', sha256: HASH, namespaces: ['eth', 'admin'], 'rate-limit': { capacity: 100, rate: 2.5 } },
        ],
      }),
    ],
  ])('are read from %s', (ending, text) => {
    expect(read({ 'api-keys-file': file(text, ending) })).toEqual({
      apiKeys: [
        { name: 'a', sha256: HASH, namespaces: null },
        { name: 'b', sha256: HASH, namespaces: ['eth', 'admin'] },
      ],
      rateLimits: new Map([['key:b', { capacity: 100, rate: 2.5 }]]),
      jwt: null,
    });
  });

  it.each([
    ['no TOML', 'keys = secret', 'is not valid TOML'],
    ['another key', `[[keys]]\nname = "a"\nsha256 = "${HASH}"\nkey = "secret"`, 'keys.0'],
    ['no hash', '[[keys]]\nname = "a"\nsha256 = "secret"', 'keys.0.sha256: 64 hex digits'],
    ['a bad name', `[[keys]]\nname = "a secret"\nsha256 = "${HASH}"`, 'keys.0.name'],
    [
      'an unknown namespace',
      `[[keys]]\nname = "a"\nsha256 = "${HASH}"\nnamespaces = ["secret"]`,
      'keys.0.namespaces.0',
    ],
    [
      'no rate',
      `[[keys]]\nname = "a"\nsha256 = "${HASH}"\nrate-limit = { capacity = 1, rate = 0 }`,
      'keys.0.rate-limit.rate',
    ],
    ['nothing', '', 'keys'],
  ])('with %s are refused, and not shown', (_, text, says) => {
    const refused = (): unknown => read({ 'api-keys-file': file(text) });
    const message = expect.stringContaining(says) as string;
    expect(refused).toThrow(expect.objectContaining({ code: 'CONFIG', message }));
    expect(refused).toThrow(expect.not.stringContaining('secret'));
  });

  it('must be there', () => {
    const path = join(directory, 'none');
    expect(() => read({ 'api-keys-file': path })).toThrow(`rpc.api-keys-file: cannot read ${path} (ENOENT)`);
    expect(() => read({ 'jwt-secret-file': path })).toThrow(`rpc.jwt-secret-file: cannot read ${path} (ENOENT)`);
  });
});

describe('the secret of tokens', () => {
  it.each(['', '0x'])('is 64 hex digits after %j', (prefix) => {
    const jwt = read({ 'jwt-secret-file': file(`${prefix}${HASH}\n`), 'jwt-namespaces': ['admin'] }).jwt;
    expect(jwt).toEqual({ secret: Buffer.from(HASH, 'hex'), namespaces: ['admin'] });
  });

  it.each(['', HASH.slice(1), `${HASH}00`, 'x'.repeat(64)])('is not %s', (text) => {
    expect(() => read({ 'jwt-secret-file': file(text) })).toThrow('must hold 32 bytes as 64 hex digits');
  });
});

describe('the limits', () => {
  it('are those of the table, and as configured', () => {
    expect(rpcLimits(checkConfig({}).rpc)).toEqual(DEFAULT_RPC_LIMITS);
    const { rpc } = checkConfig({ rpc: { limits: { 'body-size-bytes-max': 2048, 'logs-duration-ms-max': 7 } } });
    expect(rpcLimits(rpc)).toEqual({ ...DEFAULT_RPC_LIMITS, bodySizeBytesMax: 2048, logsDurationMsMax: 7 });
  });

  it.each([
    ['an unknown one', { 'bodies-max': 1 }, 'rpc.limits.bodies-max'],
    ['one too low', { 'batch-items-max': 0 }, 'rpc.limits.batch-items-max'],
    ['one too high', { 'call-timeout-ms': 2 ** 31 }, 'rpc.limits.call-timeout-ms'],
    ['a part', { 'batch-items-max': 1.5 }, 'rpc.limits.batch-items-max'],
    ['text', { 'batch-items-max': '5' }, 'rpc.limits.batch-items-max'],
  ])('refuse %s by its path', (_, limits, path) => {
    expect(() => checkConfig({ rpc: { limits } })).toThrow(expect.objectContaining({ code: 'CONFIG', data: { path } }));
  });

  it('are in the template, each with its meaning', () => {
    const template = configTemplate();
    const section = template.slice(template.indexOf('[rpc.limits]'));
    for (const [name, { value, help }] of Object.entries(RPC_LIMITS)) {
      expect(section).toContain(`# ${help}\n${limitKey(name)} = ${value}\n`);
    }
  });
});

describe('what is open to everybody', () => {
  it('is nothing of the node’s keeper, but on a devnet or where it is named', () => {
    expect(openNamespaces(checkConfig({}))).toEqual(['eth', 'net', 'web3', 'txpool', 'consensus', 'rpc']);
    expect(openNamespaces(checkConfig({ devnet: true }))).toContain('admin');
    expect(openNamespaces(checkConfig({ devnet: true, rpc: { namespaces: ['eth'] } }))).toEqual(['eth']);
    expect(openNamespaces(checkConfig({ rpc: { namespaces: ['admin'] } }))).toEqual(['admin']);
  });
});
