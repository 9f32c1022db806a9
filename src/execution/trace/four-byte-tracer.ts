import { toHex } from '../../util/hex.ts';
import type { EvmFrame } from '../evm-observer.ts';
import { isPrecompile } from '../precompiles.ts';
import type { TracerFactory } from './tracer.ts';

const SELECTOR_SIZE_BYTES = 4;

/**
 * `4byteTracer` in go-ethereum's form: how often each function was called, by its selector and the size of its arguments in bytes
 * (`0x27dc297e-128`). Creations and precompiles do not count.
 */
export const fourByteTracer: TracerFactory = (_run, _options, budget) => {
  const counts = new Map<string, number>();
  return {
    observer: {
      enter({ to, input }: EvmFrame): void {
        if (to === null || input.length < SELECTOR_SIZE_BYTES || isPrecompile(to)) return;
        const selector = toHex(input.subarray(0, SELECTOR_SIZE_BYTES));
        const name = `${selector}-${input.length - SELECTOR_SIZE_BYTES}`;
        const count = counts.get(name);
        if (count === undefined) budget.spend(32);
        counts.set(name, (count ?? 0) + 1);
      },
      exit(): void {},
      log(): void {},
      destroy(): void {},
    },
    result: () => Object.fromEntries(counts),
  };
};
