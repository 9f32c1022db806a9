/**
 * Tells many who listen of what happens, each in the order of events. What all of them together are told in one slice is told at once; who is not
 * done by then goes on in slices, clients taking turns. So it costs nobody else anything when a client listens to more than there is time to tell: it
 * falls behind alone, and too far behind it is told nothing more.
 */
import type { Slice, Turns } from './turns.ts';

/** One that listens, to however many things: a WebSocket, a filter. */
export interface Audience {
  /** Of its client. */
  readonly clientId: string;
  /** From now on it is told nothing: it is too far behind, or `error` kept it from being told. Must not throw. */
  lose(error: Error | null): void;
}

export type Happening<Request> = {
  /** What waits for an audience is bounded by it. */
  readonly weight: number;
  /** Who wants none of its kind is passed over. */
  concerns(request: Request): boolean;
  texts(request: Request): Iterable<string>;
  /** The next has come: what was made for everybody is let go, and made again for who comes late. */
  fade(): void;
};

/** Must not throw. */
export type Deliver = (text: string) => void;
type Listener<Request> = { readonly request: Request; readonly deliver: Deliver; readonly since: number };
type Numbered<Request> = { readonly happening: Happening<Request>; readonly number: number };

/** That many transactions. */
const WAITING_WEIGHT_MAX = 10_000;
/** Id for the one slice that all have in common. */
const EVERYBODY = '';

export class Audiences<Request> {
  readonly #turns: Turns;
  readonly #lines = new Map<Audience, Line<Request>>();
  #newest: Happening<Request> | null = null;
  #count = 0;

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  /** From the next happening on. Returns the way to stop listening. */
  add(audience: Audience, request: Request, deliver: Deliver): () => void {
    const line = this.#lines.get(audience) ?? new Line<Request>();
    this.#lines.set(audience, line);
    const listener = { request, deliver, since: this.#count };
    line.listeners.add(listener);
    return () => {
      line.listeners.delete(listener);
      if (line.listeners.size === 0 && this.#lines.get(audience) === line) this.#lines.delete(audience);
    };
  }

  tell(happening: Happening<Request>): void {
    this.#newest?.fade();
    this.#newest = happening;
    const number = ++this.#count;
    const common = this.#turns.slice(EVERYBODY);
    for (const [audience, line] of this.#lines) {
      if (!line.push({ happening, number })) continue;
      if (line.weight > WAITING_WEIGHT_MAX) this.#lose(audience, line, null);
      else if (!line.isBeingTold) void this.#tellLine(audience, line, common);
    }
  }

  clear(): void {
    for (const line of this.#lines.values()) line.clear();
    this.#lines.clear();
  }

  async #tellLine(audience: Audience, line: Line<Request>, common: Slice): Promise<void> {
    line.isBeingTold = true;
    const steps = line.steps();
    let slice = common;
    try {
      for (;;) {
        if (slice.isOver) {
          if (slice === common) slice = this.#turns.slice(audience.clientId);
          await slice.next();
        }
        if (steps.next().done === true) break;
      }
    } catch (error) {
      this.#lose(audience, line, error instanceof Error ? error : new Error('failed', { cause: error }));
    }
    line.isBeingTold = false;
  }

  #lose(audience: Audience, line: Line<Request>, error: Error | null): void {
    line.clear();
    if (this.#lines.get(audience) === line) this.#lines.delete(audience);
    audience.lose(error);
  }
}

/** What one audience listens to, and what waits for it. */
class Line<Request> {
  readonly listeners = new Set<Listener<Request>>();
  readonly #waiting: Numbered<Request>[] = [];
  weight = 0;
  isBeingTold = false;

  /** False: it does not want that. */
  push(item: Numbered<Request>): boolean {
    const { happening } = item;
    for (const { request } of this.listeners) {
      if (!happening.concerns(request)) continue;
      this.#waiting.push(item);
      this.weight += happening.weight;
      return true;
    }
    return false;
  }

  clear(): void {
    this.listeners.clear();
    this.#waiting.length = 0;
    this.weight = 0;
  }

  /** Tells what waits, a text in each step or a look at what there is for one listener. */
  *steps(): Generator<void> {
    for (let item = this.#waiting.shift(); item !== undefined; item = this.#waiting.shift()) {
      const { happening, number } = item;
      for (const listener of this.listeners) {
        if (listener.since >= number || !happening.concerns(listener.request)) continue;
        for (const text of happening.texts(listener.request)) {
          if (!this.listeners.has(listener)) break;
          listener.deliver(text);
          yield;
        }
        yield;
      }
      this.weight = Math.max(0, this.weight - happening.weight);
    }
  }
}
