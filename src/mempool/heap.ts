/** A binary heap: `before` says which of two comes out first. Building it costs one pass, not a sort. */
export class Heap<T> {
  readonly #items: T[];
  readonly #before: (a: T, b: T) => boolean;

  /** Takes over the array. */
  constructor(items: T[], before: (a: T, b: T) => boolean) {
    this.#items = items;
    this.#before = before;
    for (let i = (items.length >> 1) - 1; i >= 0; i--) this.#sink(i);
  }

  get size(): number {
    return this.#items.length;
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    const items = this.#items;
    let i = items.length;
    items.push(item);
    while (i > 0) {
      const up = (i - 1) >> 1;
      const parent = items[up] as T;
      if (!this.#before(item, parent)) break;
      items[i] = parent;
      i = up;
    }
    items[i] = item;
  }

  pop(): T | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (items.length > 0) {
      items[0] = last as T;
      this.#sink(0);
    }
    return first;
  }

  /** Pop and push in one. */
  replaceTop(item: T): void {
    this.#items[0] = item;
    this.#sink(0);
  }

  #sink(start: number): void {
    const items = this.#items;
    const item = items[start] as T;
    let i = start;
    for (;;) {
      let down = 2 * i + 1;
      if (down >= items.length) break;
      let child = items[down] as T;
      const right = items[down + 1];
      if (right !== undefined && this.#before(right, child)) {
        down += 1;
        child = right;
      }
      if (!this.#before(child, item)) break;
      items[i] = child;
      i = down;
    }
    items[i] = item;
  }
}
