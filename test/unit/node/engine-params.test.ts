import { describe, expect, it } from 'vitest';
import { powFactory } from '../../../consensus/pow/factory.ts';
import { checkConfig, checkNetwork } from '../../../src/node/config.ts';
import { parseEngineParams } from '../../../src/node/engine-params.ts';
import { ConfigError } from '../../../src/util/errors.ts';

describe('parameters of an engine', () => {
  it('have one way to be written', () => {
    const right = checkConfig({ consensus: 'pow', engine: { 'hash-rate': 77 } });
    expect(parseEngineParams(powFactory, right)).toMatchObject({ hashRate: 77 });
    const wrong = checkConfig({ consensus: 'pow', engine: { hashRate: 77 } });
    expect(() => parseEngineParams(powFactory, wrong)).toThrow(/^engine\.hashRate: is written hash-rate$/);
  });

  it('that are wrong as a whole are said to be', () => {
    const factory = {
      ...powFactory,
      parseParams: () => {
        throw new ConfigError('must be two of a kind', { path: '' });
      },
    };
    expect(() => parseEngineParams(factory, checkConfig({}))).toThrow(/^engine: must be two of a kind$/);
  });

  it('come with no validators where work counts', async () => {
    const genesis = { validators: [`0x${'12'.repeat(20)}`] };
    await expect(checkNetwork(checkConfig({ consensus: 'pow', genesis }))).rejects.toThrow(/^genesis\.validators: /);
    await expect(checkNetwork(checkConfig({ consensus: 'poa', genesis }))).resolves.toBeDefined();
  });
});
