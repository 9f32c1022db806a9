/** Those who wait, by client: clients take turns, however many of one wait, and of one the first comes first. */
export class FairLine<T> {
  /** Who is next comes first; never an empty line. */
  readonly #lines = new Map<string, T[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** How many of this client wait. */
  sizeOf(client: string): number {
    return this.#lines.get(client)?.length ?? 0;
  }

  push(client: string, item: T): void {
    const line = this.#lines.get(client);
    if (line === undefined) this.#lines.set(client, [item]);
    else line.push(item);
    this.#size++;
  }

  /** undefined: nobody waits. */
  shift(): T | undefined {
    for (const [client, line] of this.#lines) {
      this.#lines.delete(client);
      const item = line.shift();
      if (line.length > 0) this.#lines.set(client, line);
      this.#size--;
      return item;
    }
    return undefined;
  }
}
