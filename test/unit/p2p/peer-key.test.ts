import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { createNode } from '../../../p2p/libp2p.ts';
import { loadPeerKey, peerIdOf, peerPublicKey, randomPeerKey } from '../../../p2p/peer-key.ts';

const directory = mkdtempSync(join(tmpdir(), 'parley-peer-key-'));
afterAll(() => rmSync(directory, { recursive: true }));

it('derives the public key of the libp2p peer id specification', () => {
  const seed = Buffer.from('7e0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d', 'hex');
  expect(Buffer.from(peerPublicKey(seed)).toString('hex')).toBe(
    '1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e',
  );
  expect(() => peerPublicKey(seed.subarray(1))).toThrowError(/32 bytes/);
});

it('names the peer as libp2p does', async () => {
  for (let i = 0; i < 5; i++) {
    const privateKey = randomPeerKey();
    const node = await createNode({
      listen: [],
      privateKey,
      topics: [],
      connectionsMax: 1,
      inboundPerSecondMax: 1,
      heartbeatMs: 1_000,
      refuses: () => false,
    });
    expect(peerIdOf(privateKey)).toBe(node.peerId.toString());
  }
});

it('makes a key once, for the owner alone, and refuses a file that is none', () => {
  const path = join(directory, 'deep', 'peer.key');
  const key = loadPeerKey(path);
  expect(key.length).toBe(32);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readFileSync(path, 'utf8')).toBe(`${Buffer.from(key).toString('hex')}\n`);
  expect(Buffer.compare(loadPeerKey(path), key)).toBe(0);
  const other = join(directory, 'other');
  writeFileSync(other, 'not a key');
  expect(() => loadPeerKey(other)).toThrowError(
    expect.objectContaining({ code: 'CONFIG', data: { path: other } }) as Error,
  );
  expect(readFileSync(other, 'utf8')).toBe('not a key');
});
