import type { JsonObject, JsonValue } from '../types/primitives.ts';
import { ConfigError, errorText, ParleyError } from '../util/errors.ts';

const TIMEOUT_MS = 15_000;
/** Nodes take a thousand calls at a time; half of them keeps answers small. */
const BATCH_ITEMS_MAX = 500;

export type RpcCall = { readonly method: string; readonly params: readonly JsonValue[] };

/** A node's JSON-RPC over HTTP. */
export class StakeRpc {
  /** Of its address, what may be shown: paths and queries of public nodes hold keys. */
  readonly origin: string;
  readonly #url: string;

  /** Throws ConfigError for what is no address of a node. */
  constructor(url: string) {
    const parsed = URL.canParse(url) ? new URL(url) : null;
    const isHttp = parsed !== null && /^https?:$/.test(parsed.protocol);
    if (!isHttp || parsed.username !== '' || parsed.password !== '') {
      throw new ConfigError('--rpc: expected http://host:port, or https, without name and password', { path: '--rpc' });
    }
    this.origin = parsed.origin;
    this.#url = url;
  }

  /** Throws RPC_UNREACHABLE, RPC_ANSWER_MALFORMED, or RPC_REFUSED with the node's error in `data`. */
  async call(method: string, ...params: readonly JsonValue[]): Promise<JsonValue> {
    return this.#resultOf(await this.#post({ jsonrpc: '2.0', id: 0, method, params }), 0);
  }

  /** The results in the order of the calls. Throws as `call`, the first error. */
  async callAll(calls: readonly RpcCall[]): Promise<readonly JsonValue[]> {
    const results: JsonValue[] = [];
    for (let start = 0; start < calls.length; start += BATCH_ITEMS_MAX) {
      const batch = calls.slice(start, start + BATCH_ITEMS_MAX);
      const answers = await this.#post(batch.map((call, id) => ({ jsonrpc: '2.0', id, ...call })));
      if (!isList(answers)) throw this.#malformed();
      for (const id of batch.keys())
        results.push(
          this.#resultOf(
            answers.find((answer) => idOf(answer) === id),
            id,
          ),
        );
    }
    return results;
  }

  async #post(body: JsonValue): Promise<JsonValue> {
    let text: string;
    try {
      const response = await fetch(this.#url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      text = await response.text();
    } catch (error) {
      throw new ParleyError(
        'RPC_UNREACHABLE',
        `no node answers at ${this.origin} (${reasonOf(error)}); see --rpc`,
        {},
        {
          cause: error,
        },
      );
    }
    try {
      return JSON.parse(text) as JsonValue;
    } catch {
      throw this.#malformed();
    }
  }

  #resultOf(answer: JsonValue | undefined, id: number): JsonValue {
    if (!isObject(answer) || answer['id'] !== id) throw this.#malformed();
    const { result, error } = answer;
    if (isObject(error) && typeof error['message'] === 'string') {
      throw new ParleyError('RPC_REFUSED', `the node at ${this.origin} says: ${oneLine(error['message'])}`, error);
    }
    if (result === undefined) throw this.#malformed();
    return result;
  }

  #malformed(): ParleyError {
    return new ParleyError('RPC_ANSWER_MALFORMED', `what answers at ${this.origin} is no Ethereum node; see --rpc`);
  }
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !isList(value);
}

/** A hexadecimal quantity or bytes of an answer, as a number. Throws RPC_ANSWER_MALFORMED. */
export function quantityOf(value: JsonValue | undefined, name: string): bigint {
  if (typeof value === 'string' && /^0x[0-9a-f]{1,64}$/.test(value)) return BigInt(value);
  throw new ParleyError('RPC_ANSWER_MALFORMED', `the node's ${name} is not a quantity`);
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function idOf(answer: JsonValue): JsonValue | undefined {
  return isObject(answer) ? answer['id'] : undefined;
}

/** fetch says `fetch failed` and hides why in the cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause === undefined) return oneLine(errorText(error));
  const { code } = cause as NodeJS.ErrnoException;
  return oneLine(typeof code === 'string' ? code : errorText(cause));
}

/** What a node says, fit for a terminal: control characters, those that turn the direction of text among them, become blanks. */
export function oneLine(text: string): string {
  return text
    .replace(/[\s\p{C}]+/gu, ' ')
    .trim()
    .slice(0, 500);
}
