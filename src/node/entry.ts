/**
 * Where a process or a thread of its own begins: from the sources a module of this folder; built, a file beside the one that this has
 * become part of.
 */
export function entryUrl(name: 'node-main' | 'miner-worker'): URL {
  const kind = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`./${name}.${kind}`, import.meta.url);
}
