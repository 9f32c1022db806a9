import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { startFixture } from './fixture.ts';

it('docs/RPC.md has a row for every method, and for no other', async () => {
  const rpc = await startFixture();
  const [text = ''] = readFileSync(new URL('../../docs/RPC.md', import.meta.url), 'utf8').split('### Not offered');
  const documented = [...text.matchAll(/^\| `([a-z0-9]+[_.]\w+)` \|/gm)].map((match) => match[1] ?? '');
  expect(documented.sort()).toEqual([...rpc.server.methods].sort());
  await rpc.server.stop();
});
