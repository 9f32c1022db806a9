import { describe, expect, it } from 'vitest';
import { Access, isJsonType } from '../../../rpc/access.ts';

const LOCAL = new Access({ hostAllow: ['localhost', '127.0.0.1', '::1'], corsOrigins: [] });

describe('Access', () => {
  it.each(['localhost', 'localhost:8545', 'LOCALHOST.:1', '127.0.0.1:8545', '[::1]:8545', '[::1]', '192.168.1.7:80'])(
    'lets in the host %s',
    (host) => {
      expect(LOCAL.hostAllowed(host)).toBe(true);
      expect(LOCAL.hostAllowed(host)).toBe(true);
    },
  );

  it.each([
    undefined,
    '',
    'evil.example',
    'localhost.evil.example',
    'evil.example:8545',
    '127.0.0.1.evil.example',
    '[',
  ])('keeps out the host %s', (host) => {
    expect(LOCAL.hostAllowed(host)).toBe(false);
  });

  it('lets in anything where the operator says so', () => {
    const open = new Access({ hostAllow: ['*'], corsOrigins: ['*'] });
    expect(open.hostAllowed('evil.example')).toBe(true);
    expect(open.originAllowed('https://evil.example')).toBe(true);
  });

  it('allows only configured origins', () => {
    const one = new Access({ hostAllow: [], corsOrigins: ['http://localhost:3000'] });
    expect(one.originAllowed('http://localhost:3000')).toBe(true);
    expect(one.originAllowed('http://localhost:3001')).toBe(false);
    expect(one.originAllowed('null')).toBe(false);
    expect(LOCAL.originAllowed('http://localhost')).toBe(false);
  });

  it.each([
    [undefined, false],
    ['http://localhost:3000', false],
    ['chrome-extension://nkbihfbeogaeaoehlefnkodbefgpgknn', false],
    ['http://localhost:3001', true],
    ['HTTPS://evil.example', true],
    ['null', true],
  ])('takes the origin %s for a page that is not allowed: %s', (origin, foreign) => {
    const one = new Access({ hostAllow: [], corsOrigins: ['http://localhost:3000'] });
    expect(one.foreignPage(origin)).toBe(foreign);
    expect(new Access({ hostAllow: [], corsOrigins: ['*'] }).foreignPage(origin)).toBe(false);
  });

  it.each([
    ['application/json', true],
    ['Application/JSON; charset=utf-8', true],
    ['application/json-rpc', true],
    ['text/plain', false],
    ['text/plain; application/json', false],
    ['application/x-www-form-urlencoded', false],
    ['', false],
    [undefined, false],
  ])('judges the content type %s', (type, good) => {
    expect(isJsonType(type)).toBe(good);
  });
});
