/**
 * Whether there is room for another call. Work that waits is counted, in all and by client over all its connections, until
 * it really ends, also where its client was told "timed out" long before. What is too much is refused at once: a queue would
 * only make everybody wait. While the process hardly keeps up, heavy calls are refused and cheap ones go on.
 */
import { LIMIT_EXCEEDED, type RpcErrorObject } from './errors.ts';
import type { RpcLimits } from './limits.ts';

/** Why a message, or a call, is not worked on. */
export type Refusal = {
  /** Of HTTP, where a whole message is refused. */
  readonly status: 429 | 503;
  /** Label of the metric. */
  readonly reason: 'rate' | 'client_busy' | 'busy' | 'lag';
  /** When to try again; Infinity: never, as it is. */
  readonly waitMs: number;
  readonly error: RpcErrorObject;
};

const RETRY_MS = 1000;

export class Load {
  readonly #limits: RpcLimits;
  readonly #lagMs: () => number;
  readonly #byClient = new Map<string, number>();
  readonly #busy: Refusal;
  readonly #clientBusy: Refusal;
  readonly #lagging: Refusal;
  #inFlight = 0;

  /** `lagMs`: by how much the event loop is late. */
  constructor(limits: RpcLimits, lagMs: () => number) {
    this.#limits = limits;
    this.#lagMs = lagMs;
    const { inFlightMax, inFlightPerClientMax } = limits;
    this.#busy = refusal(503, 'busy', `server busy: ${inFlightMax} calls are in work, try again in a second`);
    const many = `too many calls at once: you have ${inFlightPerClientMax} in work, wait for some`;
    this.#clientBusy = refusal(429, 'client_busy', many);
    this.#lagging = refusal(503, 'lag', 'server busy: only light calls are taken now, try again in a second');
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** null: there is room. */
  refusal(client: string): Refusal | null {
    if (this.#inFlight === 0) return null;
    if (this.#inFlight >= this.#limits.inFlightMax) return this.#busy;
    return (this.#byClient.get(client) ?? 0) >= this.#limits.inFlightPerClientMax ? this.#clientBusy : null;
  }

  /** The process hardly keeps up: heavy calls are to be refused. */
  get lags(): boolean {
    return this.#lagMs() > this.#limits.eventLoopLagMsMax;
  }

  /** While it lags. `weight`: of one call. null: it may go on. */
  heavyRefusal(weight: number): Refusal | null {
    return weight >= this.#limits.heavyWeightMin ? this.#lagging : null;
  }

  enter(client: string): void {
    this.#inFlight++;
    this.#byClient.set(client, (this.#byClient.get(client) ?? 0) + 1);
  }

  leave(client: string): void {
    this.#inFlight--;
    const left = (this.#byClient.get(client) ?? 0) - 1;
    if (left > 0) this.#byClient.set(client, left);
    else this.#byClient.delete(client);
  }
}

function refusal(status: 429 | 503, reason: Refusal['reason'], message: string): Refusal {
  const data = { code: 'RPC_BUSY', retryAfterMs: RETRY_MS };
  return { status, reason, waitMs: RETRY_MS, error: { code: LIMIT_EXCEEDED, message, data } };
}
