import type { TracerName } from '../../types/trace.ts';
import { callTracer } from './call-tracer.ts';
import { flatCallTracer } from './flat-call-tracer.ts';
import { fourByteTracer } from './four-byte-tracer.ts';
import { prestateTracer } from './prestate-tracer.ts';
import { structLogger } from './struct-logger.ts';
import type { TracerFactory } from './tracer.ts';

const noopTracer: TracerFactory = () => ({
  observer: { enter() {}, exit() {}, log() {}, destroy() {} },
  result: () => ({}),
});

const TRACERS: { readonly [name in TracerName]: TracerFactory } = {
  callTracer,
  flatCallTracer,
  prestateTracer,
  '4byteTracer': fourByteTracer,
  noopTracer,
};

/** null: opcode by opcode. */
export function tracerOf(name: TracerName | null): TracerFactory {
  return name === null ? structLogger : TRACERS[name];
}
