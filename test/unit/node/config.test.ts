import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { coinsToWei } from '../../../src/node/coins.ts';
import { checkConfig, configJsonSchema, configTemplate, loadConfig } from '../../../src/node/config.ts';
import { ConfigError } from '../../../src/util/errors.ts';

const directory = mkdtempSync(join(tmpdir(), 'parley-config-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function file(text: string): string {
  const path = join(directory, `${Math.random()}.toml`);
  writeFileSync(path, text);
  return path;
}

function refusal(run: () => unknown): ConfigError {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

describe('the configuration', () => {
  it('lets flags win over the file and the file over defaults', () => {
    const config = loadConfig(file('nodes = 7\nblock-time = 250\n[rpc]\nhosts = ["box"]'), {
      nodes: 2,
      'chain-id': undefined,
    });
    expect(config).toMatchObject({
      nodes: 2,
      'block-time': 250,
      'chain-id': 31337,
      rpc: { hosts: ['box'], host: '127.0.0.1' },
    });
  });

  it.each([
    ['nodez = 3', 'nodez'],
    ['nodes = "three"', 'nodes'],
    ['nodes = 0', 'nodes'],
    ['rpc-port = 70000', 'rpc-port'],
    ['[rpc]\nhots = "x"', 'rpc.hots'],
    ['[rpc]\nnamespaces = ["root"]', 'rpc.namespaces.0'],
    ['balance = "lots"', 'balance'],
    ['[genesis]\nvalidators = ["0x12"]', 'genesis.validators.0'],
  ])('names the path of what is wrong in %j', (text, path) => {
    const error = refusal(() => loadConfig(file(text), {}));
    expect(error.data).toMatchObject({ path });
    expect(error.message).toContain(path);
    expect(error.message).not.toContain('\n');
  });

  it('says which line of a broken file can not be read, and which file is missing', () => {
    expect(refusal(() => loadConfig(file('nodes = = 3'), {})).message).toContain('not valid TOML');
    expect(refusal(() => loadConfig(join(directory, 'none.toml'), {})).message).toContain('none.toml');
  });

  it('has a template that is the default configuration', () => {
    expect(loadConfig(file(configTemplate()), {})).toEqual(checkConfig({}));
  });

  it('documents every key in the template and in the schema', () => {
    const schema = configJsonSchema() as { properties: Record<string, { properties?: Record<string, unknown> }> };
    const template = configTemplate();
    for (const [key, value] of Object.entries(schema.properties)) {
      expect(template).toContain(key);
      for (const inner of Object.keys(value.properties ?? {})) expect(template).toContain(inner);
    }
  });

  it('reads coins exactly', () => {
    expect(coinsToWei('10000')).toBe(10_000n * 10n ** 18n);
    expect(coinsToWei('0.000000000000000001')).toBe(1n);
    expect(coinsToWei('1.5')).toBe(15n * 10n ** 17n);
  });
});
