/** rpc.discover over a socket. What it says of parameters is held to the decoders in test/unit/rpc/openrpc.test.ts. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startFixture, type Fixture } from './fixture.ts';
import { ownResults, type OpenRpc } from './schema-oracle.ts';

const KEY = '7be1'.repeat(16);
const APP = { name: 'app', sha256: createHash('sha256').update(KEY).digest('hex'), namespaces: ['web3'] };

let rpc: Fixture;
let narrow: Fixture;
beforeAll(async () => {
  [rpc, narrow] = await Promise.all([startFixture(), startFixture({ namespaces: ['net'], apiKeys: [APP] })]);
});
afterAll(async () => {
  await Promise.all([rpc.server.stop(), narrow.server.stop()]);
});

const discover = async (fixture: Fixture): Promise<OpenRpc> =>
  (await fixture.result('rpc.discover')) as unknown as OpenRpc;

it('describes every method that is open, and no other', async () => {
  const names = (document: OpenRpc): string[] => document.methods.map(({ name }) => name).sort();
  expect(names(await discover(rpc))).toEqual([...rpc.server.methods].sort());
  expect(names(await discover(narrow))).toEqual([
    'net_listening',
    'net_peerCount',
    'net_version',
    'rpc.discover',
    'rpc_modules',
  ]);
});

it('describes to each client what it may use', async () => {
  const request = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'rpc.discover' });
  const answer = await (await narrow.post(request, { 'x-api-key': KEY })).json();
  const { methods } = (answer as { readonly result: OpenRpc }).result;
  expect(methods.map(({ name }) => name).sort()).toEqual([
    'rpc.discover',
    'rpc_modules',
    'web3_clientVersion',
    'web3_sha3',
  ]);
  expect((await discover(narrow)).methods.map(({ name }) => name)).toContain('net_version');
});

it('describes itself truly', async () => {
  const document = await discover(rpc);
  expect(ownResults(document).get('rpc.discover')?.(document)).toBeNull();
});

it('says how many parameters there must and may be', async () => {
  for (const { name, params } of (await discover(rpc)).methods) {
    const { error } = await rpc.call(name, ...Array<null>(params.length + 1).fill(null));
    expect([name, error]).toEqual([
      name,
      expect.objectContaining({ code: -32602, message: `too many arguments, want at most ${params.length}` }),
    ]);
    const required = params.filter((param) => param.required).length;
    if (required === 0) continue;
    expect((await rpc.call(name)).error).toMatchObject({
      code: -32602,
      message: 'missing value for required argument 0',
    });
  }
});
