/** Keys, tokens, namespaces and proxies over real connections. What is decided how: test/unit/rpc/authentication.test.ts. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Decision, RateLimiter } from '../../rpc/limiting/rate-limiter.ts';
import { silentLog, type Log } from '../../src/util/log.ts';
import { ECHO } from './fake-node.ts';
import { startFixture, WsTester, type Fixture, type RpcAnswer } from './fixture.ts';
import { CHAIN_ID_CALL } from './raw-http.ts';

const ADMIN_KEY = '7be1'.repeat(16);
const PLAIN_KEY = '0c0d'.repeat(16);
const SECRET = new Uint8Array(32).fill(3);
const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
const ACCESS = {
  namespaces: ['eth', 'net'],
  apiKeys: [
    { name: 'ops', sha256: hash(ADMIN_KEY), namespaces: ['admin', 'net'] },
    { name: 'app', sha256: hash(PLAIN_KEY), namespaces: null },
  ],
  jwt: { secret: SECRET, namespaces: ['consensus'] },
};
const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
const token = (): Promise<string> =>
  new SignJWT({ sub: 'operator' }).setIssuedAt().setProtectedHeader({ alg: 'HS256' }).sign(SECRET);

let rpc: Fixture;
afterEach(() => rpc.server.stop());

async function ask(method: string, headers: Record<string, string> = {}): Promise<RpcAnswer> {
  const response = await rpc.post(JSON.stringify({ jsonrpc: '2.0', id: 1, method }), headers);
  expect(response.status).toBe(200);
  return (await response.json()) as RpcAnswer;
}

async function upgradeRefusal(options: object, url = rpc.wsUrl): Promise<{ status: number; challenge?: string }> {
  const socket = new WebSocket(url, options);
  socket.on('error', () => {});
  const [, response] = (await once(socket, 'unexpected-response')) as [
    unknown,
    { statusCode: number; headers: Record<string, string> },
  ];
  const challenge = response.headers['www-authenticate'];
  return { status: response.statusCode, ...(challenge === undefined ? {} : { challenge }) };
}

async function modules(headers: Record<string, string> = {}): Promise<string[]> {
  return Object.keys((await ask('rpc_modules', headers)).result as object);
}

describe('namespaces', () => {
  beforeEach(async () => {
    rpc = await startFixture(ACCESS);
  });

  it('are those of the key, whatever is open to everybody', async () => {
    expect((await ask('admin_nodeInfo')).error?.code).toBe(-32601);
    expect((await ask('admin_nodeInfo', bearer(PLAIN_KEY))).error?.code).toBe(-32601);
    expect((await ask('admin_nodeInfo', bearer(ADMIN_KEY))).result).toBeDefined();
    expect((await ask('eth_chainId', { 'x-api-key': ADMIN_KEY })).error?.code).toBe(-32601);
    expect((await ask('consensus_status', bearer(await token()))).result).toBeDefined();
    expect((await ask('web3_clientVersion', bearer(ADMIN_KEY))).error?.code).toBe(-32601);
  });

  it('are told to each client as they are for it', async () => {
    expect(await modules()).toEqual(['eth', 'net', 'rpc']);
    expect(await modules(bearer(ADMIN_KEY))).toEqual(['admin', 'net', 'rpc']);
    expect(await modules(bearer(await token()))).toEqual(['consensus', 'rpc']);
  });

  it('of a WebSocket are found out when it opens', async () => {
    const ws = new WsTester(new WebSocket(rpc.wsUrl, { headers: bearer(await token()) }));
    await once(ws.socket, 'open');
    expect((await ws.call('consensus_status')).result).toBeDefined();
    expect((await ws.call('eth_chainId')).error?.code).toBe(-32601);
    expect(await upgradeRefusal({ headers: bearer('wrong') })).toEqual({
      status: 401,
      challenge: 'Bearer error="invalid_token"',
    });
  });

  it('do not exist where no one may use them', async () => {
    await expect(
      startFixture({ namespaces: ['eth'], apiKeys: [{ name: 'a', sha256: hash('a'), namespaces: ['none'] }] }),
    ).rejects.toMatchObject({
      code: 'CONFIG',
      data: { path: 'rpc.namespaces' },
    });
  });
});

describe('a required key', () => {
  const said: string[] = [];
  const write = (...args: unknown[]): void => void said.push(JSON.stringify(args));
  const log: Log = { ...silentLog, debug: write, info: write, warn: write, error: write };

  beforeEach(async () => {
    rpc = await startFixture({ ...ACCESS, requireKey: true, corsOrigins: ['http://localhost:3000'] }, { log });
  });

  it.each([
    ['none', {}, 'Bearer'],
    ['a wrong one', bearer('deadbeef'), 'Bearer error="invalid_token"'],
    ['a forged token', bearer('e30.e30.e30'), 'Bearer error="invalid_token"'],
  ])('is missed: %s', async (_, headers, challenge) => {
    const response = await rpc.post(CHAIN_ID_CALL, headers);
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, challenge]);
    expect(await response.json()).toMatchObject({ id: null, error: { code: -32600 } });
    expect((await upgradeRefusal({ headers })).status).toBe(401);
  });

  it('is not looked for in the address, where logs would have it', async () => {
    const url = `${rpc.url}/?token=${PLAIN_KEY}&key=${PLAIN_KEY}`;
    const headers = { 'content-type': 'application/json' };
    expect((await fetch(url, { method: 'POST', body: CHAIN_ID_CALL, headers })).status).toBe(401);
    expect((await upgradeRefusal({}, `${rpc.wsUrl}/?token=${PLAIN_KEY}`)).status).toBe(401);
  });

  it('may come from a page of an allowed origin', async () => {
    const headers = { origin: 'http://localhost:3000' };
    const preflight = await fetch(rpc.url, { method: 'OPTIONS', headers });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-headers')).toBe('content-type, authorization, x-api-key');
    const answer = await rpc.post(CHAIN_ID_CALL, { ...headers, ...bearer(PLAIN_KEY) });
    expect(answer.headers.get('access-control-expose-headers')).toContain('ratelimit-remaining');
    expect(await answer.json()).toMatchObject({ result: '0x7a69' });
  });

  it('is in no log and no answer', async () => {
    const texts = await Promise.all(
      [ADMIN_KEY, `${PLAIN_KEY}0`, await token()].map(async (key) => (await rpc.post('{', bearer(key))).text()),
    );
    for (const text of [...texts, ...said]) {
      expect(text).not.toContain(ADMIN_KEY);
      expect(text).not.toContain(PLAIN_KEY);
      expect(text).not.toContain('eyJ');
    }
  });
});

describe('an allowance', () => {
  const taken: [string, number][] = [];
  let decision: Decision;
  let stopped = 0;
  const limiter: RateLimiter = {
    take(client, weight) {
      taken.push([client, weight]);
      return decision;
    },
    stop: async () => void stopped++,
  };

  beforeEach(async () => {
    taken.length = stopped = 0;
    decision = { admitted: true, limit: 100, remaining: 41.5, waitMs: 0, resetMs: 5850 };
    const modules = { limiter, weightOf: (method: string) => (method === 'eth_call' ? 10 : 1) };
    rpc = await startFixture({ ...ACCESS, trustedProxies: ['127.0.0.1'] }, modules);
  });

  it('is told with each answer, and counted by key or by who is behind the proxy', async () => {
    const response = await rpc.post(CHAIN_ID_CALL, { 'x-forwarded-for': '198.51.100.4, 203.0.113.9' });
    const told = ['limit', 'remaining', 'reset'].map((name) => response.headers.get(`ratelimit-${name}`));
    expect([response.status, ...told]).toEqual([200, '100', '41', '6']);
    await rpc.call('eth_chainId');
    await rpc.post(
      `[${CHAIN_ID_CALL},{"jsonrpc":"2.0","id":2,"method":"eth_call","params":[{"to":"${ECHO}"}]}]`,
      bearer(PLAIN_KEY),
    );
    expect(taken).toEqual([
      ['address:203.0.113.9', 1],
      ['address:127.0.0.1', 1],
      ['key:app', 11],
    ]);
  });

  it('that is used up is HTTP 429, with the time to come back', async () => {
    decision = { ...decision, admitted: false, remaining: 0, waitMs: 2100 };
    const response = await rpc.post(`[${CHAIN_ID_CALL},${CHAIN_ID_CALL}]`);
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '3']);
    const error = { code: -32005, data: { code: 'RPC_RATE_LIMITED', retryAfterMs: 2100 } };
    expect(await response.json()).toMatchObject([
      { id: 1, error },
      { id: 1, error },
    ]);
    const silent = await rpc.post('{"jsonrpc":"2.0","method":"eth_chainId"}');
    expect([silent.status, await silent.text()]).toEqual([429, '']);
    decision = { ...decision, waitMs: Number.POSITIVE_INFINITY };
    const never = await rpc.post(CHAIN_ID_CALL);
    expect([never.status, never.headers.get('retry-after')]).toEqual([429, null]);
  });

  it('is the same over a WebSocket', async () => {
    decision = { ...decision, admitted: false, remaining: 0, waitMs: 2100 };
    const ws = await rpc.webSocket();
    expect(await ws.call('eth_chainId')).toMatchObject({ id: 1, error: { code: -32005 } });
    expect(taken).toEqual([['address:127.0.0.1', 1]]);
  });

  it('ends with the server', async () => {
    await rpc.server.stop();
    expect(stopped).toBe(1);
  });
});
