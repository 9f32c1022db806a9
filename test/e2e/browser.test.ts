/** What a web page can do to a node on the same machine: nothing, unless its origin is configured. In a real browser. */
import { existsSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanUp, startDevnet, temporaryDir, type RunningDevnet } from './support/devnet.ts';
import { HOSTILE_PAGE, servePage } from './support/hostile-page.ts';
import { devAccount } from './support/raw-transactions.ts';
import type { Rpc } from './support/rpc.ts';
import { until } from './support/wait.ts';

const CHROMIUM = '/usr/bin/chromium';
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
  '--host-resolver-rules=MAP evil.test 127.0.0.1',
  // Newer browsers ask the user before a page may reach this machine. The node must not rely on that.
  '--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests',
];

const sender = devAccount(0);
const SEND = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'eth_sendTransaction',
  params: [{ from: sender.address, to: devAccount(1).address, value: '0x1' }],
});
const REFUSED = {
  json: 'refused',
  xhr: 'refused',
  text: 'refused',
  blind: 'refused',
  blindJson: 'refused',
  form: 'refused',
  socket: 'refused',
  metrics: 'refused',
};

describe.skipIf(!existsSync(CHROMIUM))(`a web page (skipped without ${CHROMIUM})`, () => {
  let browser: Browser;
  let pages: { readonly server: Server; readonly port: number };
  let closed: RunningDevnet;
  let open: RunningDevnet;

  beforeAll(async () => {
    pages = await servePage();
    const config = join(temporaryDir(), 'parley.toml');
    writeFileSync(config, `[rpc]\ncors-origins = ["http://localhost:${pages.port}"]\n`);
    [closed, open, browser] = await Promise.all([
      startDevnet({ nodes: 1 }),
      startDevnet({ nodes: 1, args: ['--config', config] }),
      chromium.launch({ executablePath: CHROMIUM, args: ARGS }),
    ]);
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    pages?.server.close();
    await cleanUp();
  });

  const urlOf = (devnet: RunningDevnet): string => devnet.ready.nodes[0]?.rpc ?? '';
  const rpcOf = (devnet: RunningDevnet): Rpc => devnet.rpcs[0] as Rpc;

  /** Opens the page at `address`, lets it attack the node, and waits until the node has seen all of it. */
  async function attack(address: string, target: string, refusals: number): Promise<unknown> {
    const before = await refusalsOf(target);
    const context = await browser.newContext();
    try {
      const page = await context.newPage();
      // Where the address is the node's own under a foreign name, this is the page from before the name was bound anew.
      await page.route(
        (url) => url.href === address,
        (route) =>
          route.request().method() === 'GET'
            ? route.fulfill({ contentType: 'text/html', body: HOSTILE_PAGE })
            : route.continue(),
      );
      await page.goto(address);
      const url = address.includes('evil.test') ? new URL(address).origin : target;
      const got: unknown = await page.evaluate(`attack(${JSON.stringify(url)}, ${JSON.stringify(SEND)})`);
      await until('the node has refused', async () => (await refusalsOf(target)) >= before + refusals, {
        timeoutMs: 10_000,
      });
      return got;
    } finally {
      await context.close();
    }
  }

  /** All that was refused; reported once a second. */
  async function refusalsOf(target: string): Promise<number> {
    const text = await (await fetch(`${target}/metrics`)).text();
    const counts = [...text.matchAll(/^parley_rpc_refused_total\{.*\} (\d+)/gm)];
    return counts.reduce((sum, [, value]) => sum + Number(value), 0);
  }

  async function noncesOf(rpc: Rpc): Promise<unknown[]> {
    return Promise.all(['latest', 'pending'].map((tag) => rpc('eth_getTransactionCount', [sender.address, tag])));
  }

  it.each(['127.0.0.1', 'localhost'])('of another origin (%s) reads nothing and sends nothing', async (host) => {
    // Preflights of json and xhr, the simple requests, the form, the socket and the beacon of text at least.
    const got = await attack(`http://${host}:${pages.port}/`, urlOf(closed), 7);
    expect(got).toEqual(REFUSED);
    expect(await noncesOf(rpcOf(closed))).toEqual(['0x0', '0x0']);
  });

  it('that binds its name to this machine reads nothing and sends nothing', async () => {
    const port = new URL(urlOf(closed)).port;
    const got = (await attack(`http://evil.test:${port}/`, urlOf(closed), 8)) as Record<string, string>;
    // Of the same origin it may read the answers: each says that the host is not known here.
    for (const [way, answer] of Object.entries(got)) {
      if (way === 'socket') expect(answer).toBe('refused');
      else expect(`${way} ${answer}`).toContain('invalid host specified');
      expect(answer).not.toContain('0x');
    }
    expect(await noncesOf(rpcOf(closed))).toEqual(['0x0', '0x0']);
  });

  it('of a configured origin calls and reads, and no other does', async () => {
    const foreign = await attack(`http://127.0.0.1:${pages.port}/`, urlOf(open), 7);
    expect(foreign).toEqual(REFUSED);
    expect(await noncesOf(rpcOf(open))).toEqual(['0x0', '0x0']);
    const got = (await attack(`http://localhost:${pages.port}/`, urlOf(open), 3)) as Record<string, string>;
    for (const way of ['json', 'xhr', 'socket']) expect(got[way]).toMatch(/"result":"0x[0-9a-f]{64}"/);
    expect(got['text']).toContain('415');
    expect(got['metrics']).toContain('parley_rpc_calls_total');
    const [, pending] = await noncesOf(rpcOf(open));
    expect(Number(pending)).toBeGreaterThanOrEqual(3);
  });
});
