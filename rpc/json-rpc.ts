/**
 * JSON-RPC 2.0 (jsonrpc.org/specification), apart from any transport: text in, text out. A single call that needs no
 * waiting is answered without a promise. A message is refused as a whole while there is no room (load.ts), before it is
 * parsed, or when its client has used up its allowance (limiting/), by the weight of all its calls.
 *
 * JSON.parse of V8 does not recurse, so nesting costs memory only; nothing here walks a client's value recursively.
 */
import type { JsonValue } from '../src/types/primitives.ts';
import type { Log } from '../src/util/log.ts';
import type { Counter } from '../src/util/metrics.ts';
import {
  INVALID_REQUEST,
  LIMIT_EXCEEDED,
  PARSE_ERROR,
  RESOURCE_UNAVAILABLE,
  toRpcError,
  type RpcErrorObject,
} from './errors.ts';
import { shapeProblem } from './json-shape.ts';
import type { Decision, RateLimiter } from './limiting/rate-limiter.ts';
import type { RpcLimits } from './limits.ts';
import type { Load, Refusal } from './load.ts';
import { isList, isRecord, type JsonRecord } from './schema/json.ts';
import { RawJson, type Caller, type MethodResult, type Router } from './router.ts';
import type { Slice, Turns } from './turns.ts';

/** The text to send back, or null for nothing: the message held notifications only. */
export type Answer = string | null;

export type Reply = {
  readonly answer: Answer;
  /** What the limiter said; null without one. */
  readonly decision: Decision | null;
  /** Why none of the message's calls was worked on; null: they were. */
  readonly refusal: Refusal | null;
};

export type JsonRpcModules = {
  readonly router: Router;
  readonly limits: RpcLimits;
  readonly load: Load;
  readonly turns: Turns;
  /** null: everybody may ask as much as there is room for. */
  readonly limiter: RateLimiter | null;
  /** Of one call of this method; unknown ones have one too. At least 1. */
  readonly weightOf: (method: string) => number;
  readonly log: Log;
  /** Labelled with `reason`. */
  readonly refused: Counter;
};

/** What is longer takes so long to parse that it waits for a turn. */
const QUICK_LENGTH_MAX = 64 * 1024;
const ID_LENGTH_MAX = 1024;
/** A message of up to this length is parsed even when it is refused, so that each of its calls is told by its id. */
const REFUSED_LENGTH_MAX = 16 * 1024;

export class JsonRpc {
  readonly #modules: JsonRpcModules;
  readonly #router: Router;
  readonly #limits: RpcLimits;
  readonly #load: Load;
  readonly #log: Log;
  #admitted = 0;

  constructor(modules: JsonRpcModules) {
    this.#modules = modules;
    this.#router = modules.router;
    this.#limits = modules.limits;
    this.#load = modules.load;
    this.#log = modules.log;
  }

  /** Never throws or rejects. */
  handle(text: string, caller: Caller): Reply | Promise<Reply> {
    const full = this.#load.refusal(caller.client.id);
    if (full !== null) {
      return this.#refuse(text.length > REFUSED_LENGTH_MAX ? null : this.#parse(text), full, null);
    }
    return text.length > QUICK_LENGTH_MAX ? this.#inTurn(text, caller) : this.#take(text, caller);
  }

  async #inTurn(text: string, caller: Caller): Promise<Reply> {
    const { id } = caller.client;
    this.#load.enter(id);
    await this.#modules.turns.next(id);
    this.#load.leave(id);
    return this.#take(text, caller);
  }

  #take(text: string, caller: Caller): Reply | Promise<Reply> {
    const message = this.#parse(text);
    const { limiter } = this.#modules;
    if (limiter === null) return this.#run(message, caller, null);
    const decision = limiter.take(caller.client.id, this.#weight(message));
    if (decision instanceof Promise) return this.#decideLater(message, caller, decision);
    return this.#decided(message, caller, decision);
  }

  /** Adds the messages admitted since the last time. */
  report(admitted: Counter): void {
    if (this.#admitted > 0) admitted.add(this.#admitted);
    this.#admitted = 0;
  }

  /** What is no JSON becomes an Unparsable. */
  #parse(text: string): unknown {
    const problem = shapeProblem(text, this.#limits);
    if (problem !== null) return new Unparsable(problem);
    try {
      return JSON.parse(text);
    } catch {
      return new Unparsable('the body is not JSON');
    }
  }

  /** What is refused unexecuted counts as one. */
  #weight(message: unknown): number {
    if (!isList(message)) return this.#callWeight(message);
    if (message.length === 0 || message.length > this.#limits.batchItemsMax) return 1;
    let weight = 0;
    for (const request of message) weight += this.#callWeight(request);
    return weight;
  }

  #callWeight(request: unknown): number {
    const method = isRecord(request) ? request['method'] : undefined;
    return typeof method === 'string' ? this.#modules.weightOf(method) : 1;
  }

  /** Waiting for the limiter is work as well. */
  async #decideLater(message: unknown, caller: Caller, pending: Promise<Decision>): Promise<Reply> {
    const { id } = caller.client;
    this.#load.enter(id);
    try {
      const decision = await pending;
      return await this.#decided(message, caller, decision);
    } finally {
      this.#load.leave(id);
    }
  }

  #decided(message: unknown, caller: Caller, decision: Decision): Reply | Promise<Reply> {
    if (decision.admitted) return this.#run(message, caller, decision);
    return this.#refuse(message, rateRefusal(decision), decision);
  }

  #run(message: unknown, caller: Caller, decision: Decision | null): Reply | Promise<Reply> {
    this.#admitted++;
    const answer = isList(message)
      ? this.#batch(message, caller)
      : this.#call(message, caller, this.#limits.callTimeoutMs);
    if (!(answer instanceof Promise)) return { answer, decision, refusal: null };
    return answer.then((later) => ({ answer: later, decision, refusal: null }));
  }

  /** The same error for every call; without a message, for it as a whole. */
  #refuse(message: unknown, refusal: Refusal, decision: Decision | null): Reply {
    this.#modules.refused.add(1, { reason: refusal.reason });
    const { error } = refusal;
    if (!isList(message) || message.length === 0 || message.length > this.#limits.batchItemsMax) {
      return { answer: refusedCall(message, error), decision, refusal };
    }
    const answers = message.map((request) => refusedCall(request, error)).filter((answer) => answer !== null);
    return { answer: answers.length === 0 ? null : `[${answers.join(',')}]`, decision, refusal };
  }

  #call(request: unknown, caller: Caller, timeoutMs: number): Answer | Promise<Answer> {
    if (request instanceof Unparsable) {
      return errorAnswer('null', { code: PARSE_ERROR, message: `parse error: ${request.problem}` });
    }
    if (!isRecord(request)) return invalidRequest('null', 'a request must be an object');
    const id = idText(request['id']);
    if (id === undefined) return invalidRequest('null', '`id` must be a string, a safe number or null');
    const problem = structureProblem(request);
    if (problem !== null) return invalidRequest(id ?? 'null', problem);
    const method = request['method'] as string;
    const busy = this.#load.lags ? this.#load.heavyRefusal(this.#modules.weightOf(method)) : null;
    if (busy !== null) return this.#refusedOne(id, busy);
    try {
      const result = this.#router.call(method, request['params'], caller);
      if (result instanceof Promise) return this.#later(result, { id, method, client: caller.client.id, timeoutMs });
      return id === null ? null : this.#success(id, result);
    } catch (error) {
      return id === null ? null : errorAnswer(id, toRpcError(error, this.#log, method));
    }
  }

  /** Answered in time in any case; the work counts as in flight until it ends. */
  #later(pending: Promise<MethodResult>, { id, method, client, timeoutMs }: PendingCall): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    let late = false;
    this.#load.enter(client);
    const timer = setTimeout(() => {
      late = true;
      this.#modules.refused.add(1, { reason: 'timeout' });
      resolve(id === null ? null : errorAnswer(id, this.#timedOut()));
    }, timeoutMs).unref();
    const finish = (answer: () => Answer): void => {
      clearTimeout(timer);
      this.#load.leave(client);
      if (!late) resolve(id === null ? null : answer());
    };
    const failed = (error: unknown): string => errorAnswer(id ?? 'null', toRpcError(error, this.#log, method));
    pending.then(
      (result) =>
        finish(() => {
          try {
            return this.#success(id ?? 'null', result);
          } catch (error) {
            return failed(error);
          }
        }),
      (error: unknown) => finish(() => failed(error)),
    );
    return promise;
  }

  #timedOut(): RpcErrorObject {
    const { callTimeoutMs } = this.#limits;
    const message = `request timed out: it took longer than ${callTimeoutMs} ms, ask for less at a time`;
    return { code: RESOURCE_UNAVAILABLE, message, data: { code: 'RPC_TIMEOUT' } };
  }

  #refusedOne(id: string | null, refusal: Refusal): Answer {
    this.#modules.refused.add(1, { reason: refusal.reason });
    return id === null ? null : errorAnswer(id, refusal.error);
  }

  #success(id: string, result: MethodResult): string {
    const json = result instanceof RawJson ? result.text : JSON.stringify(result);
    if (json.length > this.#limits.answerSizeBytesMax) {
      const problem = `the answer has ${json.length} bytes, ${this.#limits.answerSizeBytesMax} are allowed`;
      return errorAnswer(id, tooLargeError(problem));
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
    const { id } = caller.client;
    const { turns } = this.#modules;
    this.#load.enter(id);
    const endMs = performance.now() + this.#limits.callTimeoutMs;
    if (turns.busy) await turns.next(id);
    const answers = requests.map((): Answer => null);
    const progress = { next: 0, sizeBytes: 0, slice: turns.slice(id), endMs };
    const lanes = Math.min(requests.length, this.#limits.batchConcurrencyMax);
    await Promise.all(Array.from({ length: lanes }, () => this.#lane(requests, answers, progress, caller)));
    this.#load.leave(id);
    const sent = answers.filter((answer) => answer !== null);
    return sent.length === 0 ? null : `[${sent.join(',')}]`;
  }

  async #lane(requests: readonly unknown[], answers: Answer[], progress: BatchProgress, caller: Caller): Promise<void> {
    const sizeBytesMax = this.#limits.answerSizeBytesMax;
    for (;;) {
      if (progress.slice.isOver) await progress.slice.next();
      if (progress.next >= requests.length) return;
      const index = progress.next++;
      const request = requests[index];
      const timeoutMs = progress.endMs - performance.now();
      const error = timeoutMs <= 0 ? this.#timedOut() : this.#outOfBounds(progress, caller);
      const pending = error === null ? this.#call(request, caller, timeoutMs) : refusedCall(request, error);
      let answer = pending instanceof Promise ? await pending : pending;
      if (answer !== null && progress.sizeBytes + answer.length > sizeBytesMax) {
        answer = refusedCall(request, this.#batchTooLarge());
        progress.sizeBytes = sizeBytesMax + 1;
      }
      progress.sizeBytes += answer?.length ?? 0;
      answers[index] = answer;
    }
  }

  /** When the batch has used up its answer or its client's share, what is left is refused by its id, unexecuted. */
  #outOfBounds({ sizeBytes }: BatchProgress, { client }: Caller): RpcErrorObject | null {
    if (sizeBytes > this.#limits.answerSizeBytesMax) return this.#batchTooLarge();
    return this.#load.refusal(client.id)?.error ?? null;
  }

  #batchTooLarge(): RpcErrorObject {
    const sizeBytesMax = this.#limits.answerSizeBytesMax;
    return tooLargeError(`the answers of this batch exceed ${sizeBytesMax} bytes: split it`);
  }
}

class Unparsable {
  readonly problem: string;

  constructor(problem: string) {
    this.problem = problem;
  }
}

type PendingCall = {
  readonly id: string | null;
  readonly method: string;
  readonly client: string;
  readonly timeoutMs: number;
};

type BatchProgress = { next: number; sizeBytes: number; readonly slice: Slice; readonly endMs: number };

function rateRefusal({ limit, waitMs }: Decision): Refusal {
  const never = !Number.isFinite(waitMs);
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  const message = never
    ? `rate limited: the calls of this message weigh more than ${limit}, all that is ever allowed at once: split it`
    : `rate limited: try again in ${seconds} s`;
  const data = { code: 'RPC_RATE_LIMITED', retryAfterMs: never ? null : Math.ceil(waitMs) };
  return { status: 429, reason: 'rate', waitMs, error: { code: LIMIT_EXCEEDED, message, data } };
}

/** null for a notification. */
function refusedCall(request: unknown, error: RpcErrorObject): Answer {
  const id = isRecord(request) && !(request instanceof Unparsable) ? idText(request['id']) : undefined;
  return id === null ? null : errorAnswer(id ?? 'null', error);
}

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

function invalidRequest(id: string, problem: string): string {
  return errorAnswer(id, { code: INVALID_REQUEST, message: `invalid request: ${problem}` });
}

function tooLargeError(problem: string): RpcErrorObject {
  return { code: LIMIT_EXCEEDED, message: `response too large: ${problem}` };
}

/** `id` is JSON text already. */
export function errorAnswer(id: string, error: RpcErrorObject): string {
  return `{"jsonrpc":"2.0","id":${id},"error":${JSON.stringify(error)}}`;
}
