import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { limitKey, RPC_LIMITS } from '../../../rpc/limits.ts';

it('are documented, each with its default and its meaning, and no other', () => {
  const text = readFileSync(new URL('../../../docs/RPC.md', import.meta.url), 'utf8');
  const [, section = ''] = /^## Limits$([^]*?)^## /m.exec(text) ?? [];
  const rows = [...section.matchAll(/^\| `([a-z-]+)` \| ([0-9,]+) \| (.*) \|$/gm)].map(([, ...cells]) => cells);
  const limits = Object.entries(RPC_LIMITS);
  expect(rows).toEqual(limits.map(([name, { value, help }]) => [limitKey(name), value.toLocaleString('en'), help]));
});
