import type { Millis } from '../../src/types/primitives.ts';
import type { EngineEffect } from '../api/effect.ts';
import type { TimerId } from '../api/event.ts';

/** One timer of the host, told of only when it must be moved. */
export class Alarm {
  readonly id: TimerId;
  #at: Millis | null = null;

  constructor(id: TimerId) {
    this.id = id;
  }

  get at(): Millis | null {
    return this.#at;
  }

  /** null: no longer needed. */
  moveTo(at: Millis | null): EngineEffect[] {
    if (at === this.#at) return [];
    this.#at = at;
    return at === null ? [{ type: 'drop-timer', id: this.id }] : [{ type: 'timer', id: this.id, at }];
  }

  fired(): void {
    this.#at = null;
  }
}

/** Those that are set, as `describe` shows them. */
export function shownAlarms(alarms: readonly Alarm[]): { readonly id: TimerId; readonly at: Millis }[] {
  return alarms.flatMap(({ id, at }) => (at === null ? [] : [{ id, at }]));
}
