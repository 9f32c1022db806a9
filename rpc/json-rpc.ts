/**
 * JSON-RPC 2.0 (jsonrpc.org/specification), apart from any transport: text in, text out. A single call that needs no
 * waiting is answered without a promise. `null` means that nothing is sent back: the message held notifications only.
 *
 * JSON.parse of V8 does not recurse, so nesting costs memory only; nothing here walks a client's value recursively.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { JsonValue } from '../src/types/primitives.ts';
import { ParleyError } from '../src/util/errors.ts';
import type { Log } from '../src/util/log.ts';
import {
  INVALID_REQUEST,
  LIMIT_EXCEEDED,
  PARSE_ERROR,
  RESOURCE_UNAVAILABLE,
  toRpcError,
  type RpcErrorObject,
} from './errors.ts';
import type { RpcLimits } from './limits.ts';
import { isList, isRecord, type JsonRecord } from './params.ts';
import { RawJson, type Caller, type MethodResult, type Router } from './router.ts';

/** The text to send back, or null for nothing. */
export type Answer = string | null;

const NO_PARAMS: readonly JsonValue[] = [];
/** A batch of quick calls gives the event loop a turn after this long. */
const BATCH_SLICE_MS = 10;
const ID_LENGTH_MAX = 1024;

export class JsonRpc {
  readonly #router: Router;
  readonly #limits: RpcLimits;
  readonly #log: Log;

  constructor(router: Router, limits: RpcLimits, log: Log) {
    this.#router = router;
    this.#limits = limits;
    this.#log = log;
  }

  /** Never throws or rejects. */
  handle(text: string, caller: Caller): Answer | Promise<Answer> {
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      return errorAnswer('null', { code: PARSE_ERROR, message: 'parse error: the body is not JSON' });
    }
    return isList(message) ? this.#batch(message, caller) : this.#call(message, caller);
  }

  #call(request: unknown, caller: Caller): Answer | Promise<Answer> {
    if (!isRecord(request)) return invalidRequest('null', 'a request must be an object');
    const id = idText(request['id']);
    if (id === undefined) return invalidRequest('null', '`id` must be a string, a safe number or null');
    const problem = structureProblem(request);
    if (problem !== null) return invalidRequest(id ?? 'null', problem);
    const method = request['method'] as string;
    try {
      const result = this.#router.call(method, paramsOf(request), caller);
      if (result instanceof Promise) return this.#later(result, id, method);
      return id === null ? null : this.#success(id, result);
    } catch (error) {
      return id === null ? null : errorAnswer(id, toRpcError(error, this.#log, method));
    }
  }

  async #later(pending: Promise<MethodResult>, id: string | null, method: string): Promise<Answer> {
    try {
      const result = await pending;
      return id === null ? null : this.#success(id, result);
    } catch (error) {
      const failure = toRpcError(error, this.#log, method);
      return id === null ? null : errorAnswer(id, failure);
    }
  }

  #success(id: string, result: MethodResult): string {
    const json = result instanceof RawJson ? result.text : JSON.stringify(result);
    if (json.length > this.#limits.answerSizeBytesMax) {
      return tooLarge(id, `the answer has ${json.length} bytes, ${this.#limits.answerSizeBytesMax} are allowed`);
    }
    return `{"jsonrpc":"2.0","id":${id},"result":${json}}`;
  }

  /** Answers keep the order of the calls. Calls start in order; a few wait for the node at the same time. */
  async #batch(requests: readonly unknown[], caller: Caller): Promise<Answer> {
    if (requests.length === 0) return invalidRequest('null', 'an empty batch');
    if (requests.length > this.#limits.batchItemsMax) {
      return errorAnswer('null', {
        code: INVALID_REQUEST,
        message: `batch too large: ${requests.length} calls, ${this.#limits.batchItemsMax} are allowed`,
      });
    }
    const answers = requests.map((): Answer => null);
    const progress = { next: 0, sizeBytes: 0, sliceStart: performance.now() };
    const lanes = Math.min(requests.length, this.#limits.batchConcurrencyMax);
    await Promise.all(Array.from({ length: lanes }, () => this.#lane(requests, answers, progress, caller)));
    const sent = answers.filter((answer) => answer !== null);
    return sent.length === 0 ? null : `[${sent.join(',')}]`;
  }

  async #lane(requests: readonly unknown[], answers: Answer[], progress: BatchProgress, caller: Caller): Promise<void> {
    while (progress.next < requests.length) {
      const index = progress.next++;
      const request = requests[index];
      const full = progress.sizeBytes > this.#limits.answerSizeBytesMax;
      const pending = full ? this.#skipped(request) : this.#call(request, caller);
      let answer = pending instanceof Promise ? await pending : pending;
      if (answer !== null && progress.sizeBytes + answer.length > this.#limits.answerSizeBytesMax) {
        answer = this.#skipped(request);
        progress.sizeBytes = this.#limits.answerSizeBytesMax + 1;
      }
      progress.sizeBytes += answer?.length ?? 0;
      answers[index] = answer;
      if (performance.now() - progress.sliceStart > BATCH_SLICE_MS) {
        await nextTurn();
        progress.sliceStart = performance.now();
      }
    }
  }

  /** The batch has used up its answer: what is left is refused by its id, unexecuted. */
  #skipped(request: unknown): Answer {
    const id = isRecord(request) ? idText(request['id']) : undefined;
    if (id === null) return null;
    return tooLarge(
      id ?? 'null',
      `the answers of this batch exceed ${this.#limits.answerSizeBytesMax} bytes: split it`,
    );
  }
}

type BatchProgress = { next: number; sizeBytes: number; sliceStart: number };

/** JSON of the id; null for a notification; undefined when it is none that the specification allows. */
function idText(id: JsonValue | undefined): string | null | undefined {
  if (id === undefined) return null;
  if (id === null) return 'null';
  if (typeof id === 'string') return id.length > ID_LENGTH_MAX ? undefined : JSON.stringify(id);
  if (typeof id !== 'number' || !Number.isFinite(id) || Math.abs(id) > Number.MAX_SAFE_INTEGER) return undefined;
  return String(id);
}

function structureProblem(request: JsonRecord): string | null {
  if (request['jsonrpc'] !== '2.0') return '`jsonrpc` must be "2.0"';
  if (typeof request['method'] !== 'string') return '`method` must be a string';
  const params = request['params'];
  if (params !== undefined && typeof params !== 'object') return '`params` must be an array';
  return null;
}

/** @throws -32602 for parameters by name: Ethereum's methods take them by position. */
function paramsOf(request: JsonRecord): readonly JsonValue[] {
  const params = request['params'];
  if (params === undefined || params === null) return NO_PARAMS;
  if (isList(params)) return params;
  throw new ParleyError('RPC_INVALID_PARAMS', 'non-array args: give the parameters by position, in an array');
}

function invalidRequest(id: string, problem: string): string {
  return errorAnswer(id, { code: INVALID_REQUEST, message: `invalid request: ${problem}` });
}

function tooLarge(id: string, problem: string): string {
  return errorAnswer(id, { code: LIMIT_EXCEEDED, message: `response too large: ${problem}` });
}

/** `id` is JSON text already. */
export function errorAnswer(id: string, error: RpcErrorObject): string {
  return `{"jsonrpc":"2.0","id":${id},"error":${JSON.stringify(error)}}`;
}

/** Said to every call while the server stops. */
export const STOPPING_ANSWER = errorAnswer('null', { code: RESOURCE_UNAVAILABLE, message: 'the node is stopping' });
