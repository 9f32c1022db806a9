/** What begins by itself, and where its module is. */
const MODULES = {
  'node-main': './node-main.ts',
  'miner-worker': './miner-worker.ts',
  sim: '../../test/sim/run.ts',
} as const;

/** From the sources the module itself; built, a file beside the one that this has become part of. */
export function entryUrl(name: keyof typeof MODULES): URL {
  const isSource = import.meta.url.endsWith('.ts');
  return new URL(isSource ? MODULES[name] : `./${name}.js`, import.meta.url);
}
