import type { TimerHandle, Timers } from '../src/ports/clock.ts';
import type { RequestOptions, RequestProtocol } from '../src/ports/network.ts';
import type { Bytes, PeerId } from '../src/types/primitives.ts';
import { ParleyError } from '../src/util/errors.ts';
import type { Meters } from './meters.ts';
import { REQUEST_SIZE_BYTES_MAX, RESPONSE_SIZE_BYTES_MAX } from './request-limits.ts';

const PER_PEER_MAX = 16;

type Outcome = { readonly answer: Bytes } | { readonly error: ParleyError };
type Pending = { readonly peer: PeerId; readonly settle: (outcome: Outcome) => void };

export type MemoryRequestsModules = {
  readonly timers: Timers;
  readonly meters: Meters;
  readonly handler: (protocol: RequestProtocol, payload: Bytes, from: PeerId) => Promise<Bytes>;
  readonly transmit: (to: PeerId, sizeBytes: number, deliver: (target: MemoryRequests) => void) => void;
};

/** Requests and answers between two nodes of a hub, with the limits and errors of the real ones. */
export class MemoryRequests {
  readonly #modules: MemoryRequestsModules;
  readonly #pending = new Set<Pending>();
  readonly #serving = new Map<PeerId, number>();

  constructor(modules: MemoryRequestsModules) {
    this.#modules = modules;
  }

  ask(self: PeerId, peer: PeerId, protocol: RequestProtocol, payload: Bytes, options: RequestOptions): Promise<Bytes> {
    const { timers, meters, transmit } = this.#modules;
    if (payload.length > REQUEST_SIZE_BYTES_MAX) {
      return Promise.reject(
        new ParleyError('NETWORK_TOO_LARGE', `the request is over ${REQUEST_SIZE_BYTES_MAX} bytes`),
      );
    }
    const sizeBytesMax = Math.min(options.responseSizeBytesMax, RESPONSE_SIZE_BYTES_MAX);
    return new Promise((resolve, reject) => {
      let timer: TimerHandle | null = null;
      const pending: Pending = {
        peer,
        settle: (outcome) => {
          if (!this.#pending.delete(pending)) return;
          timer?.cancel();
          meters.asked(
            protocol,
            'answer' in outcome ? 'ok' : outcome.error.code,
            'answer' in outcome ? outcome.answer.length : 0,
            0,
          );
          if ('answer' in outcome) resolve(outcome.answer);
          else reject(outcome.error);
        },
      };
      this.#pending.add(pending);
      timer = timers.after(options.timeoutMs, () => {
        pending.settle({ error: new ParleyError('NETWORK_TIMEOUT', `no answer within ${options.timeoutMs} ms`) });
      });
      transmit(peer, payload.length, (target) => target.#serve(self, protocol, payload, sizeBytesMax, pending));
    });
  }

  /** The connection is gone: what was asked over it fails. */
  lost(peer: PeerId): void {
    for (const pending of this.#pending) {
      if (pending.peer === peer) pending.settle({ error: new ParleyError('NETWORK_CLOSED', 'the connection is lost') });
    }
  }

  #serve(from: PeerId, protocol: RequestProtocol, payload: Bytes, sizeBytesMax: number, pending: Pending): void {
    const active = this.#serving.get(from) ?? 0;
    if (active >= PER_PEER_MAX) {
      this.#reply(from, protocol, pending, { error: refusal('busy') });
      return;
    }
    this.#serving.set(from, active + 1);
    this.#modules
      .handler(protocol, payload, from)
      .then(
        (answer): Outcome =>
          answer.length <= sizeBytesMax
            ? { answer: new Uint8Array(answer) }
            : { error: new ParleyError('NETWORK_TOO_LARGE', 'the answer is larger than we take') },
        (): Outcome => ({ error: refusal('failed') }),
      )
      .then((outcome) => {
        const left = (this.#serving.get(from) ?? 1) - 1;
        if (left > 0) this.#serving.set(from, left);
        else this.#serving.delete(from);
        this.#reply(from, protocol, pending, outcome);
      })
      .catch(() => {});
  }

  #reply(to: PeerId, protocol: RequestProtocol, pending: Pending, outcome: Outcome): void {
    const sizeBytes = 'answer' in outcome ? outcome.answer.length : 0;
    this.#modules.meters.answered(protocol, 'answer' in outcome ? 'ok' : outcome.error.code, sizeBytes);
    this.#modules.transmit(to, sizeBytes, () => pending.settle(outcome));
  }
}

function refusal(reason: 'busy' | 'failed'): ParleyError {
  return new ParleyError('NETWORK_CLOSED', reason === 'busy' ? 'the peer is busy' : 'the peer failed', { reason });
}
