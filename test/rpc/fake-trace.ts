import type { BlockView, CallRequest, Overrides, TraceApi } from '../../src/node/api.ts';
import type { JsonObject } from '../../src/types/primitives.ts';
import type { TraceOptions } from '../../src/types/trace.ts';
import { ParleyError } from '../../src/util/errors.ts';

const NOTHING_RAN = { gas: 21_000, failed: false, returnValue: '0x', structLogs: [] };

/** Tells that nothing ran, and what it was asked. */
export class FakeTrace implements TraceApi {
  readonly asked: { options: TraceOptions; call?: CallRequest; overrides?: Overrides }[] = [];

  async transaction(at: BlockView, _: number, options: TraceOptions): Promise<JsonObject> {
    return this.#answer(at, options);
  }

  async block(at: BlockView, options: TraceOptions): ReturnType<TraceApi['block']> {
    const result = this.#answer(at, options);
    return at.transactions().map(({ hash: transactionHash }) => ({ transactionHash, result }));
  }

  async call(call: CallRequest, _: BlockView, options: TraceOptions, overrides: Overrides = {}): Promise<JsonObject> {
    this.asked.push({ options, call, overrides });
    return options.tracer === null ? NOTHING_RAN : {};
  }

  #answer(at: BlockView, options: TraceOptions): JsonObject {
    this.asked.push({ options });
    if (at.block.header.number === 0) throw new ParleyError('EXECUTION_GENESIS', 'genesis is not traceable');
    return options.tracer === null ? NOTHING_RAN : {};
  }
}
