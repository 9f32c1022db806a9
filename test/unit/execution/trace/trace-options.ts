import type { StepOptions, TraceOptions, TracerConfig } from '../../../../src/types/trace.ts';

type Wanted = Partial<Omit<TraceOptions, 'steps' | 'config'>> & {
  readonly steps?: Partial<StepOptions>;
  readonly config?: Partial<TracerConfig>;
};

/** Everything that an opcode's entry may hold, and no limits, unless told otherwise. */
export function traceOptions({ steps = {}, config = {}, ...rest }: Wanted = {}): TraceOptions {
  return {
    tracer: null,
    timeoutMs: null,
    sizeBytesMax: 2 ** 30,
    steps: { hasStack: true, hasMemory: true, hasStorage: true, hasReturnData: true, stepsMax: Infinity, ...steps },
    config: {
      onlyTopCall: false,
      withLog: false,
      diffMode: false,
      disableCode: false,
      disableStorage: false,
      ...config,
    },
    ...rest,
  };
}
