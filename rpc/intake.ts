/**
 * Memory that messages take from their first byte to their answer, in all and by client. The bound on one body alone would
 * let some thousand slow senders hold as many bodies.
 */
import type { RpcLimits } from './limits.ts';

export class Intake {
  readonly #limits: RpcLimits;
  readonly #byClient = new Map<string, number>();
  #sizeBytes = 0;

  constructor(limits: RpcLimits) {
    this.#limits = limits;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Counts them in any case: `remove` them all in the end. False: there is no room, give them up. */
  add(client: string, sizeBytes: number): boolean {
    const own = (this.#byClient.get(client) ?? 0) + sizeBytes;
    this.#byClient.set(client, own);
    this.#sizeBytes += sizeBytes;
    return this.#sizeBytes <= this.#limits.bodiesSizeBytesMax && own <= this.#limits.bodiesPerClientSizeBytesMax;
  }

  remove(client: string, sizeBytes: number): void {
    const own = (this.#byClient.get(client) ?? 0) - sizeBytes;
    if (own > 0) this.#byClient.set(client, own);
    else this.#byClient.delete(client);
    this.#sizeBytes -= sizeBytes;
  }
}
