/** Hostile and broken requests over real sockets. After each the server answers an ordinary one. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startFixture, type Fixture } from './fixture.ts';
import PARSING from '../vectors/json-parsing.json' with { type: 'json' };
import { CHAIN_ID_ANSWER, CHAIN_ID_CALL, closed, post, received } from './raw-http.ts';

const MIB_5 = 5 * 1024 * 1024;

let rpc: Fixture;
beforeEach(async () => {
  rpc = await startFixture();
});
afterEach(async () => {
  await expect(rpc.answers()).resolves.toBe(true);
  await rpc.server.stop();
});

async function rawStatus(request: string): Promise<string> {
  const socket = await rpc.socket();
  const answer = received(socket, (text) => text.includes('\r\n\r\n'));
  socket.write(request);
  const status = (await answer).split('\r\n')[0] ?? '';
  socket.destroy();
  return status;
}

describe('bodies', () => {
  it.each<[string, string | Uint8Array<ArrayBuffer>, number]>([
    ['no JSON', 'hello', -32700],
    ['half of it', '{"jsonrpc":"2.0","id":1', -32700],
    ['nothing', '', -32700],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22]), -32600],
    ['a number', '5', -32600],
    ['an empty batch', '[]', -32600],
    ['100,000 open arrays', '['.repeat(100_000), -32700],
    ['100,000 nested arrays', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, -32700],
    ['100,000 nested objects', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`, -32700],
    ['5 MiB of brackets', '['.repeat(MIB_5), -32700],
    ['5 MiB of empty objects', `[${'{},'.repeat(MIB_5 / 3 - 2)}{}]`, -32700],
    ['5 MiB of one string', `"${'a'.repeat(MIB_5 - 2)}"`, -32600],
    ['1,001 calls', JSON.stringify(Array(1001).fill(JSON.parse(CHAIN_ID_CALL))), -32600],
    ['10,000 calls', JSON.stringify(Array(10_000).fill(JSON.parse(CHAIN_ID_CALL))), -32600],
  ])('%s', async (_, body, code) => {
    const response = await rpc.post(body);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    const answer: unknown = await response.json();
    expect(Array.isArray(answer) ? answer[0] : answer).toMatchObject({ jsonrpc: '2.0', id: null, error: { code } });
  });

  it('1,000 calls are answered', async () => {
    const response = await rpc.post(JSON.stringify(Array(1000).fill(JSON.parse(CHAIN_ID_CALL))));
    expect(await response.json()).toHaveLength(1000);
  });

  it('a notification gets no content', async () => {
    const response = await rpc.post('{"jsonrpc":"2.0","method":"eth_chainId"}');
    expect([response.status, await response.text()]).toEqual([204, '']);
  });

  it('5 MiB are read, one byte more is not', async () => {
    const call = (sizeBytes: number): string => CHAIN_ID_CALL + ' '.repeat(sizeBytes - CHAIN_ID_CALL.length);
    expect((await rpc.post(call(MIB_5))).status).toBe(200);
    const refused = await rpc.post(call(MIB_5 + 1));
    expect(refused.status).toBe(413);
    expect(await refused.json()).toMatchObject({ id: null, error: { code: -32005 } });
  });

  it('50 MB are refused while they come', async () => {
    const response = await rpc.post(Buffer.alloc(50 * 1024 * 1024, 0x20));
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ id: null, error: { code: -32005 } });
  });

  it('50 MB in chunks, of a length never told', async () => {
    const body = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 50; i++) controller.enqueue(Buffer.alloc(1024 * 1024, 0x20));
        controller.close();
      },
    });
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(rpc.url, { method: 'POST', body, headers, duplex: 'half' });
    expect(response.status).toBe(413);
  });

  it('a large body whose sender asks first is refused unsent', async () => {
    const headers = { 'content-length': '50000000', expect: '100-continue' };
    expect(await rawStatus(post('', headers))).toContain('413');
  });

  it('a small body whose sender asks first is welcome', async () => {
    const socket = await rpc.socket();
    const answer = received(socket, (text) => text.includes(CHAIN_ID_ANSWER));
    const [head, body] = post(CHAIN_ID_CALL, { expect: '100-continue' }).split('\r\n\r\n');
    socket.write(`${head}\r\n\r\n`);
    socket.write(body ?? '');
    expect(await answer).toContain('100 Continue');
    socket.destroy();
  });

  it('a body that breaks off costs nothing', async () => {
    const socket = await rpc.socket();
    socket.write(post('{"jsonrpc":', { 'content-length': '100' }));
    socket.destroy();
    await closed(socket);
  });
});

describe('JSON texts that parsers disagree on', () => {
  // What JSON.parse takes is answered by what it holds; as parameters it must be given back unharmed, or refused.
  it.each(PARSING)('$name', async ({ text, bytes, takes }) => {
    const body = bytes === undefined ? Buffer.from(text ?? '') : Buffer.from(bytes, 'hex');
    const response = await rpc.post(body);
    expect(response.status).toBe(200);
    const answer: unknown = await response.json();
    expect(Array.isArray(answer) ? answer[0] : answer).toMatchObject({ error: { code: takes ? -32600 : -32700 } });
    const params = Buffer.concat([
      Buffer.from('{"jsonrpc":"2.0","id":1,"method":"web3_sha3","params":['),
      body,
      Buffer.from(']}'),
    ]);
    const inside = (await (await rpc.post(params)).json()) as { id: unknown; error: { code: number } };
    expect(inside.error.code).toBe(takes ? -32602 : -32700);
    expect(inside.id).toBe(takes ? 1 : null);
  });
});

describe('requests', () => {
  const json = { 'content-type': 'application/json' };
  it.each<[string, RequestInit, number]>([
    ['a form', { method: 'POST', body: CHAIN_ID_CALL, headers: { 'content-type': 'text/plain' } }, 415],
    ['no content type', { method: 'POST', body: Buffer.from(CHAIN_ID_CALL) }, 415],
    ['compression', { method: 'POST', body: CHAIN_ID_CALL, headers: { ...json, 'content-encoding': 'gzip' } }, 415],
    ['GET', { method: 'GET' }, 405],
    ['PUT', { method: 'PUT', body: CHAIN_ID_CALL, headers: json }, 405],
    ['DELETE', { method: 'DELETE' }, 405],
    ['a preflight', { method: 'OPTIONS', headers: { origin: 'https://evil.example' } }, 403],
  ])('%s', async (_, init, status) => {
    const response = await fetch(rpc.url, init);
    expect(response.status).toBe(status);
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
    expect(await response.json()).toMatchObject({ jsonrpc: '2.0', id: null, error: { code: -32600 } });
  });

  it('another path', async () => {
    expect((await fetch(`${rpc.url}/admin`, { method: 'POST', body: CHAIN_ID_CALL, headers: json })).status).toBe(404);
    expect((await fetch(`${rpc.url}/?key=1`, { method: 'POST', body: CHAIN_ID_CALL, headers: json })).status).toBe(200);
  });

  it.each<[string, string, string]>([
    ['a foreign Host', post(CHAIN_ID_CALL, { host: 'evil.example' }), '403'],
    ['no Host', `POST / HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n[]`, '403'],
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', '400'],
    ['two lengths', post(CHAIN_ID_CALL, { 'content-length': '5\r\ncontent-length: 6' }), '400'],
    ['length and chunks', post(CHAIN_ID_CALL, { 'transfer-encoding': 'chunked' }), '400'],
    ['endless headers', `POST / HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, '431'],
  ])('%s', async (_, request, status) => {
    expect(await rawStatus(request)).toContain(status);
  });

  it('an offer to speak HTTP/2 is passed over', async () => {
    const socket = await rpc.socket();
    const answer = received(socket, (text) => text.includes(CHAIN_ID_ANSWER));
    socket.write(
      post(CHAIN_ID_CALL, { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAAA' }),
    );
    expect(await answer).toContain('200 OK');
    socket.destroy();
  });

  it.each(['https://evil.example', 'http://127.0.0.1:1', 'null'])('a page of %s is not answered', async (origin) => {
    const response = await rpc.post(CHAIN_ID_CALL, { origin });
    expect(response.status).toBe(403);
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('a wallet in the browser is answered: it is no page, and pages cannot say that they are it', async () => {
    const response = await rpc.post(CHAIN_ID_CALL, { origin: 'chrome-extension://nkbihfbeogaeaoehlefnkodbefgpgknn' });
    expect(await response.json()).toMatchObject({ result: '0x7a69' });
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('configured origins', () => {
  it('may ask and read', async () => {
    const open = await startFixture({ corsOrigins: ['http://localhost:3000'] });
    const headers = { origin: 'http://localhost:3000' };
    const preflight = await fetch(open.url, { method: 'OPTIONS', headers });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-headers')).toBe('content-type');
    const answer = await open.post(CHAIN_ID_CALL, headers);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('access-control-allow-origin')).toBe('http://localhost:3000');
    expect((await fetch(open.url, { method: 'OPTIONS', headers: { origin: 'http://localhost:9' } })).status).toBe(403);
    await open.server.stop();
  });
});

describe('extra routes', () => {
  it('answer GET, and a failing one answers 500', async () => {
    const routed = await startFixture({
      extraRoutes: {
        '/health': async () => ({ status: 503, contentType: 'application/json', body: '{"status":"faulted"}' }),
        '/broken': async () => {
          throw new Error('secret');
        },
      },
    });
    const health = await fetch(`${routed.url}/health?verbose`);
    expect([health.status, await health.text()]).toEqual([503, '{"status":"faulted"}']);
    const broken = await fetch(`${routed.url}/broken`);
    expect([broken.status, await broken.text()]).toEqual([500, '']);
    expect((await fetch(`${routed.url}/constructor`)).status).toBe(405);
    await expect(routed.answers()).resolves.toBe(true);
    await routed.server.stop();
  });
});
