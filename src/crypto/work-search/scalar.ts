import type { WorkSearchBackend } from './backend.ts';
import { WorkJob } from './work-job.ts';

/** Plain JavaScript on 32-bit integers: for platforms without WebAssembly SIMD, and the oracle of the other one in tests. */
export function loadScalar(): WorkSearchBackend {
  return {
    name: 'scalar',
    search(data80, target, firstNonce, count) {
      const job = new WorkJob(data80, target);
      for (let i = 0; i < count; i++) {
        const nonce = (firstNonce + i) >>> 0;
        if (job.isMet(nonce)) return nonce;
      }
      return null;
    },
  };
}
