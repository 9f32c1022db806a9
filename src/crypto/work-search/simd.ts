import type { Bytes } from '../../types/primitives.ts';
import type { WorkSearchBackend } from './backend.ts';
import { assembleSearch, LANES, LIMIT_OFFSET } from './simd-program.ts';
import { WorkJob } from './work-job.ts';

type Run = (firstNonce: number, groupsCount: number) => number;
type Exports = { readonly run: Run; readonly memory: { readonly buffer: ArrayBuffer } };

/** As much of it as is used here; no library among the types names it. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (module: object) => { readonly exports: object };
};

/** Four nonces at a time (WebAssembly SIMD). Throws where the platform has none. */
export function loadSimd(): WorkSearchBackend {
  const program = assembleSearch();
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(program.bytes));
  const { run, memory: pages } = exports as Exports;
  const memory = new Int32Array(pages.buffer);
  for (const [value, offset] of program.constants) memory[offset >> 2] = value;

  const begin = (job: WorkJob): void => {
    const words = program.graph.jobWords([...job.midstate, ...job.tail]);
    for (const [index, offset] of program.jobWords) memory[offset >> 2] = words[index] ?? 0;
    memory[LIMIT_OFFSET >> 2] = job.targetTop;
  };

  return {
    name: 'simd',
    search(data80: Bytes, target: bigint, firstNonce: number, count: number): number | null {
      const job = new WorkJob(data80, target);
      begin(job);
      const groupsCount = Math.ceil(count / LANES);
      for (let group = 0; group < groupsCount; group++) {
        const found = run((firstNonce + group * LANES) | 0, groupsCount - group);
        if (found < 0) return null;
        group += found;
        // The module looked at one word of the hash only, and does not say which lane it was.
        for (let i = group * LANES; i < Math.min((group + 1) * LANES, count); i++) {
          const nonce = (firstNonce + i) % 2 ** 32;
          if (job.isMet(nonce)) return nonce;
        }
      }
      return null;
    },
  };
}
