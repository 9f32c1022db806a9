/**
 * Request and response, one of each per stream.
 *
 *     request  = frame( response size the asker takes, 4 bytes | payload )
 *     response = frame( status, 1 byte | payload )         status: 0 ok, 1 failed, 2 busy, 3 too large
 *
 * The asker half-closes after its frame. Whoever breaks the form gets the stream reset; whoever is slow, too.
 */
import type { Timers } from '../src/ports/clock.ts';
import type { RequestOptions, RequestProtocol } from '../src/ports/network.ts';
import type { Bytes, Millis, PeerId } from '../src/types/primitives.ts';
import { errorText, ParleyError } from '../src/util/errors.ts';
import type { Log } from '../src/util/log.ts';
import { encodeFrame, readFrame } from './frame.ts';
import type { Connection, Stream } from './libp2p.ts';
import type { Meters } from './meters.ts';
import { REQUEST_SIZE_BYTES_MAX, RESPONSE_SIZE_BYTES_MAX } from './request-limits.ts';

const STATUS_OK = 0;
const STATUS_FAILED = 1;
const STATUS_BUSY = 2;
const STATUS_TOO_LARGE = 3;
const SIZE_FIELD_BYTES = 4;
const REFUSAL_MS: Millis = 1_000;

/** Ends a promise that takes longer than `timeoutMs` with NETWORK_TIMEOUT; `signal` ends what it waits for. */
export async function within<T>(
  timers: Timers,
  timeoutMs: Millis,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const late = new ParleyError('NETWORK_TIMEOUT', `no answer within ${timeoutMs} ms`);
  let expire: (error: Error) => void = () => {};
  const expired = new Promise<never>((_, reject) => {
    expire = reject;
  });
  const timer = timers.after(timeoutMs, () => {
    controller.abort(late);
    expire(late);
  });
  try {
    return await Promise.race([work(controller.signal), expired]);
  } finally {
    timer.cancel();
  }
}

/**
 * Asks over a connection. Rejects with NETWORK_TIMEOUT, NETWORK_TOO_LARGE or NETWORK_CLOSED; `data.reason` of the last says
 * `failed` or `busy` where the peer said so, and `malformed` where its answer was not ours to understand.
 */
export async function ask(
  connection: Connection,
  protocol: string,
  payload: Bytes,
  options: RequestOptions,
  timers: Timers,
): Promise<Bytes> {
  if (payload.length > REQUEST_SIZE_BYTES_MAX) {
    throw new ParleyError(
      'NETWORK_TOO_LARGE',
      `a request of ${payload.length} bytes is over ${REQUEST_SIZE_BYTES_MAX}`,
    );
  }
  const sizeBytesMax = Math.min(options.responseSizeBytesMax, RESPONSE_SIZE_BYTES_MAX);
  let stream: Stream | null = null;
  try {
    return await within(timers, options.timeoutMs, async (signal) => {
      const opened = await connection.newStream([protocol], { signal, maxOutboundStreams: 64 });
      // Too late: nobody else would reset it.
      if (signal.aborted) opened.abort(signal.reason as Error);
      stream = opened;
      const reading = readFrame(opened, { sizeBytesMax: sizeBytesMax + 1, timeoutMs: options.timeoutMs }, timers);
      const sizeField = Buffer.alloc(SIZE_FIELD_BYTES);
      sizeField.writeUInt32BE(sizeBytesMax);
      try {
        opened.send(encodeFrame(sizeField, payload));
      } catch (error) {
        reading.catch(() => {});
        throw error;
      }
      opened.close({ signal }).catch(() => {});
      return payloadOf(await reading);
    });
  } catch (error) {
    const failure = error instanceof ParleyError ? error : new ParleyError('NETWORK_CLOSED', errorText(error));
    (stream as Stream | null)?.abort(failure);
    throw failure;
  }
}

function payloadOf(frame: Bytes): Bytes {
  const status = frame[0];
  if (status === STATUS_OK) return frame.subarray(1);
  if (status === STATUS_TOO_LARGE) throw new ParleyError('NETWORK_TOO_LARGE', 'the answer is larger than we take');
  if (status === STATUS_BUSY) throw new ParleyError('NETWORK_CLOSED', 'the peer is busy', { reason: 'busy' });
  if (status === STATUS_FAILED) throw new ParleyError('NETWORK_CLOSED', 'the peer failed', { reason: 'failed' });
  throw new ParleyError('NETWORK_CLOSED', 'the peer sent an unknown status', { reason: 'malformed' });
}

export type ServerOptions = {
  /** Requests of one peer under way at once; more are answered with `busy`. */
  readonly perPeerMax: number;
  readonly totalMax: number;
  /** Answers not yet taken by their askers, over all peers. */
  readonly pendingBytesMax: number;
  readonly readTimeoutMs: Millis;
  readonly answerTimeoutMs: Millis;
  readonly writeTimeoutMs: Millis;
};

export const DEFAULT_SERVER_OPTIONS: ServerOptions = {
  perPeerMax: 16,
  totalMax: 128,
  pendingBytesMax: 64 * 1024 * 1024,
  readTimeoutMs: 5_000,
  answerTimeoutMs: 20_000,
  writeTimeoutMs: 20_000,
};

export type ServerModules = {
  readonly timers: Timers;
  readonly log: Log;
  readonly meters: Meters;
  /** The host's handler. A throw is answered with `failed`. */
  readonly answer: (protocol: RequestProtocol, payload: Bytes, peer: PeerId) => Promise<Bytes>;
  /** The peer broke the form: an oversized, truncated or endless request. */
  readonly misbehaved: (peer: PeerId, code: string) => void;
};

type Answer = { readonly status: number; readonly payload: Bytes };

const NOTHING = new Uint8Array();

/** The answering side of all request protocols, with its limits. */
export class RequestServer {
  readonly #options: ServerOptions;
  readonly #modules: ServerModules;
  readonly #busy = new Map<PeerId, number>();
  #total = 0;
  #pendingBytes = 0;

  constructor(options: Partial<ServerOptions>, modules: ServerModules) {
    this.#options = { ...DEFAULT_SERVER_OPTIONS, ...options };
    this.#modules = modules;
  }

  /** The stream handler. Starts to read in the same turn; never throws. */
  serve(protocol: RequestProtocol, stream: Stream, peer: PeerId): void {
    const { timers, log } = this.#modules;
    const active = this.#busy.get(peer) ?? 0;
    if (active >= this.#options.perPeerMax || this.#total >= this.#options.totalMax) {
      this.#refuse(protocol, stream);
      return;
    }
    this.#busy.set(peer, active + 1);
    this.#total += 1;
    const limits = {
      sizeBytesMax: SIZE_FIELD_BYTES + REQUEST_SIZE_BYTES_MAX,
      timeoutMs: this.#options.readTimeoutMs,
    };
    readFrame(stream, limits, timers)
      .then(
        (frame) => this.#answer(protocol, stream, peer, frame),
        (error: ParleyError) => this.#malformed(protocol, stream, peer, error),
      )
      .catch((error: unknown) => {
        log.debug('request not answered', { peer, protocol, reason: errorText(error) });
        stream.abort(error instanceof Error ? error : new Error(errorText(error)));
      })
      .finally(() => this.#done(peer));
  }

  #done(peer: PeerId): void {
    this.#total -= 1;
    const left = (this.#busy.get(peer) ?? 1) - 1;
    if (left > 0) this.#busy.set(peer, left);
    else this.#busy.delete(peer);
  }

  #malformed(protocol: RequestProtocol, stream: Stream, peer: PeerId, error: ParleyError): void {
    const { log, meters, misbehaved } = this.#modules;
    log.debug('request malformed', { peer, protocol, code: error.code, reason: error.message });
    meters.answered(protocol, error.code, 0);
    // A reset stream also comes from a peer that stopped or ran out of time: nobody's fault.
    const reset = error.code === 'NETWORK_CLOSED' && (stream.status === 'reset' || stream.status === 'closed');
    stream.abort(error);
    if (!reset) misbehaved(peer, `request-${error.code === 'NETWORK_TIMEOUT' ? 'timeout' : 'malformed'}`);
  }

  async #answer(protocol: RequestProtocol, stream: Stream, peer: PeerId, frame: Bytes): Promise<void> {
    if (frame.length < SIZE_FIELD_BYTES) {
      this.#malformed(protocol, stream, peer, new ParleyError('NETWORK_CLOSED', 'the request has no size field'));
      return;
    }
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    const sizeBytesMax = Math.min(view.getUint32(0), RESPONSE_SIZE_BYTES_MAX);
    const { status, payload } = await this.#compute(protocol, peer, frame.subarray(SIZE_FIELD_BYTES), sizeBytesMax);
    this.#pendingBytes += payload.length;
    try {
      await this.#write(stream, status, payload);
      this.#modules.meters.answered(protocol, outcomeOf(status), payload.length);
    } finally {
      this.#pendingBytes -= payload.length;
    }
  }

  async #compute(protocol: RequestProtocol, peer: PeerId, payload: Bytes, sizeBytesMax: number): Promise<Answer> {
    const { timers, log, answer } = this.#modules;
    try {
      const body = await within(timers, this.#options.answerTimeoutMs, () => answer(protocol, payload, peer));
      if (body.length > sizeBytesMax) return { status: STATUS_TOO_LARGE, payload: NOTHING };
      if (this.#pendingBytes + body.length > this.#options.pendingBytesMax) {
        return { status: STATUS_BUSY, payload: NOTHING };
      }
      return { status: STATUS_OK, payload: body };
    } catch (error) {
      log.debug('request failed', { peer, protocol, reason: errorText(error) });
      return { status: STATUS_FAILED, payload: NOTHING };
    }
  }

  async #write(stream: Stream, status: number, payload: Bytes): Promise<void> {
    stream.send(encodeFrame(new Uint8Array([status]), payload));
    await within(this.#modules.timers, this.#options.writeTimeoutMs, (signal) => stream.close({ signal }));
  }

  /** Says `busy` without reading: what the peer asks is dropped as it comes, and it gets a second to take the answer. */
  #refuse(protocol: RequestProtocol, stream: Stream): void {
    const { timers, meters } = this.#modules;
    meters.answered(protocol, 'busy', 0);
    const refused = new ParleyError('NETWORK_CLOSED', 'too many requests at once');
    stream.addEventListener('message', () => {});
    const timer = timers.after(REFUSAL_MS, () => stream.abort(refused));
    stream.addEventListener('close', () => timer.cancel());
    this.#write(stream, STATUS_BUSY, NOTHING).catch(() => stream.abort(refused));
  }
}

function outcomeOf(status: number): string {
  if (status === STATUS_OK) return 'ok';
  if (status === STATUS_BUSY) return 'busy';
  return status === STATUS_TOO_LARGE ? 'too-large' : 'failed';
}
