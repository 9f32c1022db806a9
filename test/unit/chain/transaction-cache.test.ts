import { expect, it } from 'vitest';
import { TransactionCache } from '../../../src/chain/transaction-cache.ts';
import { openRig, RICH, transfer } from './chain-rig.ts';

it('recovers a transaction once and then gives the same object', async () => {
  const rig = await openRig();
  const { raw } = transfer(rig, 0);
  const cache = new TransactionCache();
  const first = cache.resolve(raw);
  expect(first.sender).toBe(RICH);
  expect(cache.resolve(new Uint8Array(raw))).toBe(first);
  expect(cache.get(first.hash)).toBe(first);
});

it('does not keep the message alive that a transaction came in', async () => {
  const rig = await openRig();
  const { raw } = transfer(rig, 0);
  const message = Buffer.concat([Buffer.alloc(100_000), raw]);
  const transaction = new TransactionCache().resolve(message.subarray(100_000));
  expect(transaction.raw.buffer.byteLength).toBe(raw.length);
});

it('forgets what was least recently used, by count and by bytes', async () => {
  const rig = await openRig();
  const all = [0, 1, 2, 3].map((nonce) => transfer(rig, nonce));
  const byCount = new TransactionCache({ entriesMax: 2 });
  for (const tx of all.slice(0, 2)) byCount.add(tx);
  byCount.get(all[0]?.hash ?? '0x');
  byCount.add(all[2] ?? transfer(rig, 2));
  expect(all.map(({ hash }) => byCount.get(hash) !== undefined)).toEqual([true, false, true, false]);

  const size = all[0]?.raw.length ?? 0;
  const byBytes = new TransactionCache({ bytesMax: size * 3 + 2 });
  for (const tx of [...all, ...all]) byBytes.add(tx);
  expect(byBytes.size).toBe(3);
  expect(byBytes.sizeBytes).toBeLessThanOrEqual(size * 3 + 2);
});

it('throws for what is no transaction, every time', () => {
  const cache = new TransactionCache();
  for (let i = 0; i < 2; i++)
    expect(() => cache.resolve(Buffer.from([2, 0xc0]))).toThrow(expect.objectContaining({ name: 'CodecError' }));
  expect(cache.size).toBe(0);
});
