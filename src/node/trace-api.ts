import type { Chain } from '../chain/chain.ts';
import type { HeaderJudge } from '../chain/header-judge.ts';
import type { CallState } from '../execution/call.ts';
import type { ExecutionEnv } from '../execution/rules.ts';
import { replayBlock, replayTransaction, type ReplayedBlock } from '../execution/trace/replay.ts';
import { traceCall } from '../execution/trace/trace-call.ts';
import type { JsonValue } from '../types/primitives.ts';
import type { TraceOptions, TransactionTrace } from '../types/trace.ts';
import { ParleyError } from '../util/errors.ts';
import type { BlockView, CallRequest, Overrides, TraceApi } from './api.ts';
import { deadline } from './deadline.ts';

/** As go-ethereum's, but of a whole request. */
const TIMEOUT_MS = 5_000;
/** Below what the RPC gives a call. */
const TIMEOUT_MS_MAX = 20_000;
const ADVICE = `ask for more time (timeout, at most ${TIMEOUT_MS_MAX / 1000}s) or for one transaction`;

export type TraceApiModules = {
  readonly chain: Pick<Chain, 'env' | 'stateAt' | 'consensusAt'>;
  readonly engine: Pick<HeaderJudge, 'author'>;
  readonly callState: (at: BlockView, overrides?: Overrides) => CallState;
};

/** Blocks run again on what they stood on. */
export class LedgerTraceApi implements TraceApi {
  readonly #modules: TraceApiModules;

  constructor(modules: TraceApiModules) {
    this.#modules = modules;
  }

  async transaction(at: BlockView, index: number, options: TraceOptions): Promise<JsonValue> {
    return replayTransaction(this.#env(options), this.#replayed(at), index, options);
  }

  async block(at: BlockView, options: TraceOptions): Promise<readonly TransactionTrace[]> {
    return replayBlock(this.#env(options), this.#replayed(at), options);
  }

  async call(call: CallRequest, at: BlockView, options: TraceOptions, overrides?: Overrides): Promise<JsonValue> {
    return traceCall(this.#env(options), this.#modules.callState(at, overrides), call, options);
  }

  #env({ timeoutMs }: TraceOptions): ExecutionEnv {
    const { env } = this.#modules.chain;
    return { ...env, pause: deadline(Math.min(timeoutMs ?? TIMEOUT_MS, TIMEOUT_MS_MAX), ADVICE) };
  }

  #replayed(at: BlockView): ReplayedBlock {
    const { chain, engine } = this.#modules;
    const { header, body } = at.block;
    if (header.number === 0) throw new ParleyError('EXECUTION_GENESIS', 'genesis is not traceable');
    const state = chain.stateAt(header.parentHash);
    const consensus = chain.consensusAt(header.parentHash);
    if (consensus === undefined) {
      throw new ParleyError('STATE_PRUNED', `what block ${at.hash} stood on is not kept`, { hash: at.hash });
    }
    const author = engine.author(header);
    return {
      hash: at.hash,
      header,
      author,
      transactions: at.transactions(),
      evidence: body.evidence,
      state,
      consensus,
    };
  }
}
