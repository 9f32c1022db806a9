import { createHash, hash } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { loadBackend } from '../src/crypto/work-search/select.ts';
import { median } from './process-stats.ts';

/**
 * Proof-of-work hashes a second on one thread: both backends of the miner beside what Node's own SHA-256 reaches, in one
 * run, in turns, so that a drift of the machine hits all alike. Medians over the runs.
 */

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '7' }, ms: { type: 'string', default: '500' } },
});
const runMs = Number(values.ms);
const BATCH = 2 ** 14;
const data = Buffer.alloc(80, 0x5a);

type Contestant = { readonly name: string; readonly tryAll: (firstNonce: number, count: number) => void };

/** No hash is at most 0, so that every nonce is tried. */
const backend = (name: 'simd' | 'scalar'): Contestant => {
  const { search } = loadBackend(name);
  return { name, tryAll: (firstNonce, count) => void search(data, 0n, firstNonce, count) };
};

/** Both hashes in full; the one-shot form where this Node has it. */
function nodeCrypto(): Contestant {
  const sha256 =
    typeof hash === 'function'
      ? (bytes: Uint8Array) => hash('sha256', bytes, 'buffer')
      : (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();
  const work = Buffer.from(data);
  const tryAll = (firstNonce: number, count: number): void => {
    for (let i = 0; i < count; i++) {
      work.writeUInt32LE((firstNonce + i) >>> 0, 76);
      sha256(sha256(work));
    }
  };
  return { name: 'node:crypto', tryAll };
}

function measure({ tryAll }: Contestant): number {
  const begunAt = performance.now();
  let tried = 0;
  let tookMs = 0;
  while (tookMs < runMs) {
    tryAll(tried, BATCH);
    tried += BATCH;
    tookMs = performance.now() - begunAt;
  }
  return tried / tookMs / 1000;
}

const contestants = [backend('simd'), backend('scalar'), nodeCrypto()];
for (const contestant of contestants) measure(contestant);
const rates = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
for (let run = 0; run < Number(values.runs); run++) {
  for (const contestant of contestants) rates.get(contestant.name)?.push(measure(contestant));
}

const medians = contestants.map(({ name }) => ({ name, rate: median(rates.get(name) ?? []) }));
const base = medians.at(-1)?.rate ?? Number.NaN;
process.stdout.write(`SHA-256d of 80 bytes, one thread, medians of ${values.runs} runs of ${runMs} ms\n\n`);
process.stdout.write('| backend | MH/s | ratio to node:crypto |\n| --- | ---: | ---: |\n');
for (const { name, rate } of medians) {
  process.stdout.write(`| ${name} | ${rate.toFixed(2)} | ${(rate / base).toFixed(2)} |\n`);
}
