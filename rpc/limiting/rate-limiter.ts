/** What a limiter says to one message: all its calls are admitted together, or none is. */
export type Decision = {
  readonly admitted: boolean;
  /** The most that a client can ever have at once, in weights. */
  readonly limit: number;
  /** What it could still have now. */
  readonly remaining: number;
  /** Until the same message would be admitted; 0 when it was, Infinity when it never will be. */
  readonly waitMs: number;
  /** Until `remaining` is `limit` again if nothing more is asked. */
  readonly resetMs: number;
};

/** A client's allowance, whatever counts it: this process, a Redis server or the nodes among themselves. */
export interface RateLimiter {
  /** `client`: Client.id. `weight`: of all calls of the message, at least 1. Never throws or rejects. */
  take(client: string, weight: number): Decision | Promise<Decision>;
  stop(): Promise<void>;
}
