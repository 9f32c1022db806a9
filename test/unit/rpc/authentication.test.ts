import { createHash, createHmac } from 'node:crypto';
import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import {
  Authentication,
  Unauthorized,
  type AuthenticationOptions,
  type Identity,
} from '../../../rpc/authentication.ts';
import { TrustedProxies } from '../../../rpc/forwarded.ts';

const KEY = 'd1a7c0ffee00112233445566778899aabbccddeeff00112233445566778899aa';
const SECRET = new Uint8Array(32).fill(7);
const NOW_MS = 1_700_000_000_000;
const NOW_S = NOW_MS / 1000;
const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

const OPTIONS: AuthenticationOptions = {
  keys: [
    { name: 'indexer', sha256: hash(KEY), namespaces: ['eth', 'admin'] },
    { name: 'plain', sha256: hash('plain').toUpperCase(), namespaces: null },
  ],
  jwt: { secret: SECRET, namespaces: ['admin'] },
  requireKey: false,
};

function setUp(options: Partial<AuthenticationOptions> = {}): (headers: Record<string, string>) => Promise<Identity> {
  const proxies = new TrustedProxies(['10.0.0.1']);
  const authentication = new Authentication({ ...OPTIONS, ...options }, proxies, () => NOW_MS);
  return async (headers) => authentication.identify(headers, '10.0.0.1');
}

const identify = setUp();
const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
const refusal = (text: string): unknown =>
  expect.objectContaining({
    message: expect.stringContaining(text) as string,
    challenge: 'Bearer error="invalid_token"',
  });

function token(claims: Record<string, unknown>, secret = SECRET, alg = 'HS256'): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg, typ: 'JWT' }).sign(secret);
}

describe('without a key', () => {
  it('everybody is an address, and one that is the same client each time', async () => {
    const client = await identify({ 'x-forwarded-for': '192.0.2.1' });
    expect(client).toEqual({ id: 'address:192.0.2.1', address: '192.0.2.1', key: null, namespaces: null });
    expect(await identify({ 'x-forwarded-for': '192.0.2.1' })).toBe(client);
  });

  it.each([{}, { authorization: 'Basic YTpi' }, { authorization: 'Bearer ' }, { 'x-api-key': '' }])(
    'nobody is let in where one is required: %j',
    async (headers) => {
      const answer = await setUp({ requireKey: true })(headers);
      expect(answer).toBeInstanceOf(Unauthorized);
      expect(answer).toMatchObject({ challenge: 'Bearer' });
      expect(await identify(headers)).toMatchObject({ key: null });
    },
  );

  it('what is sent means nothing to a node that knows no keys', async () => {
    const open = setUp({ keys: [], jwt: null });
    expect(await open(bearer(KEY))).toMatchObject({ id: 'address:10.0.0.1', key: null });
  });
});

describe('a key', () => {
  it.each([bearer(KEY), { authorization: `bearer  ${KEY}` }, { 'x-api-key': KEY }])('is taken: %j', async (headers) => {
    expect(await identify({ ...headers, 'x-forwarded-for': '192.0.2.1' })).toEqual({
      id: 'key:indexer',
      address: '192.0.2.1',
      key: 'indexer',
      namespaces: new Set(['eth', 'admin']),
    });
  });

  it('without namespaces opens what is open', async () => {
    expect(await identify(bearer('plain'))).toMatchObject({ id: 'key:plain', namespaces: null });
  });

  it.each(['wrong', KEY.slice(1), `${KEY}0`, hash(KEY), `${KEY}, ${KEY}`, 'a.b.c.d'])(
    'that is wrong: %s',
    async (text) => {
      expect(await identify({ 'x-api-key': text })).toEqual(refusal('unknown key'));
      expect(JSON.stringify(await identify({ 'x-api-key': text }))).not.toContain(text);
    },
  );

  it('must be one of a kind, and there where one is required', () => {
    const [key] = OPTIONS.keys;
    if (key === undefined) throw new Error('no key');
    expect(() => setUp({ keys: [key, { ...key, sha256: hash('other') }] })).toThrow('"indexer" is there twice');
    expect(() => setUp({ keys: [key, { ...key, name: 'other' }] })).toThrow('"other" is there twice');
    expect(() => setUp({ keys: [], jwt: null, requireKey: true })).toThrow('a key is required but there is none');
    expect(() => setUp({ jwt: { secret: new Uint8Array(16), namespaces: null } })).toThrow('32 bytes');
  });
});

describe('a token', () => {
  it.each([0, -60, 60])('made %d s from now is taken', async (offset) => {
    const sent = bearer(await token({ iat: NOW_S + offset, sub: 'ops' }));
    expect(await identify(sent)).toEqual({
      id: 'key:ops',
      address: '10.0.0.1',
      key: 'ops',
      namespaces: new Set(['admin']),
    });
  });

  it("of geth's clients names nobody", async () => {
    expect(await identify(bearer(await token({ iat: NOW_S, id: 'cl', clv: 'v1' })))).toMatchObject({ id: 'key:jwt' });
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['made too long ago', { iat: NOW_S - 61 }, '`iat` is not within 60 s'],
    ['made in the future', { iat: NOW_S + 61 }, '`iat` is not within 60 s'],
    ['made at no time', {}, 'not signed with HS256'],
    ['expired', { iat: NOW_S - 10, exp: NOW_S - 1 }, 'expired'],
    ['not valid yet', { iat: NOW_S, nbf: NOW_S + 10 }, 'not signed with HS256'],
    ['for somebody odd', { iat: NOW_S, sub: 'a\nb' }, '`sub` must be'],
  ])('%s is refused', async (_, claims, text) => {
    expect(await identify(bearer(await token(claims)))).toEqual(refusal(text));
  });

  it('of another secret, algorithm or none is refused', async () => {
    const text = refusal('not signed with HS256');
    expect(await identify(bearer(await token({ iat: NOW_S }, new Uint8Array(32).fill(8))))).toEqual(text);
    expect(await identify(bearer(await token({ iat: NOW_S }, new Uint8Array(64).fill(7), 'HS512')))).toEqual(text);
    const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    expect(await identify(bearer(`${part({ alg: 'none' })}.${part({ iat: NOW_S })}.`))).toEqual(text);
    expect(await identify(bearer('a.b.c'))).toEqual(text);
    const good = await token({ iat: NOW_S });
    expect(await identify(bearer(`${good.slice(0, good.lastIndexOf('.'))}.AAAA`))).toEqual(text);
  });

  it('of another maker is taken: the format is everybody’s', async () => {
    const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iat: NOW_S })}`;
    const signature = createHmac('sha256', SECRET).update(signed).digest('base64url');
    expect(await identify(bearer(`${signed}.${signature}`))).toMatchObject({ key: 'jwt' });
  });

  it('is a wrong key to a node without a secret', async () => {
    expect(await setUp({ jwt: null })(bearer(await token({ iat: NOW_S })))).toEqual(refusal('unknown key'));
  });
});
