import type { Timers } from '../src/ports/clock.ts';
import type { Bytes, Millis } from '../src/types/primitives.ts';
import { ParleyError } from '../src/util/errors.ts';
import type { Stream } from './libp2p.ts';

/**
 * A frame is a 4-byte big-endian length and that many bytes. A stream that ends inside one is an error: the library ends a
 * reader normally even where data was lost.
 */
export const FRAME_HEAD_BYTES = 4;

/** First room for a frame's bytes. More is taken as bytes arrive, so that a peer must send what it wants us to hold. */
const ROOM_BYTES = 16 * 1024;

export function encodeFrame(...parts: readonly Bytes[]): Bytes {
  const sizeBytes = parts.reduce((sum, part) => sum + part.length, 0);
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  head.writeUInt32BE(sizeBytes);
  return Buffer.concat([head, ...parts]);
}

/**
 * Reads one frame. Listens before it returns: a handler that awaits first loses data. Rejects with NETWORK_CLOSED on an
 * early end, NETWORK_TOO_LARGE on a length over `sizeBytesMax` (before the body is read), NETWORK_TIMEOUT after `timeoutMs`,
 * however slowly bytes keep coming. The stream is left as it is.
 */
export function readFrame(
  stream: Stream,
  options: { readonly sizeBytesMax: number; readonly timeoutMs: Millis },
  timers: Timers,
): Promise<Bytes> {
  return new Promise((resolve, reject) => {
    const collector = new FrameCollector(options.sizeBytesMax);
    const settle = (act: () => void): void => {
      timer.cancel();
      stream.removeEventListener('message', onMessage);
      stream.removeEventListener('end', onEnd);
      stream.removeEventListener('close', onEnd);
      act();
    };
    const onMessage = (event: { readonly data: Bytes | Iterable<Bytes> }): void => {
      try {
        const chunks = event.data instanceof Uint8Array ? [event.data] : event.data;
        for (const chunk of chunks) collector.push(chunk);
        const { frame } = collector;
        if (frame !== null) settle(() => resolve(frame));
        else if (stream.readableEnded) onEnd();
      } catch (error) {
        settle(() => reject(error));
      }
    };
    const onEnd = (): void => {
      // What is still buffered comes as a last message.
      if (stream.readBufferLength > 0) return;
      const reason = `the stream ended after ${collector.sizeBytes} bytes of a frame`;
      settle(() => reject(new ParleyError('NETWORK_CLOSED', reason)));
    };
    const timer = timers.after(options.timeoutMs, () => {
      settle(() => reject(new ParleyError('NETWORK_TIMEOUT', `no whole frame within ${options.timeoutMs} ms`)));
    });
    stream.addEventListener('message', onMessage);
    stream.addEventListener('end', onEnd);
    stream.addEventListener('close', onEnd);
    // `end` is told once, and may be over: where the protocol was negotiated with the answer on its heels, the answer is
    // put back into the buffer of a stream that has already ended.
    if (stream.readableEnded || stream.status !== 'open') onEnd();
  });
}

/** Puts chunks together to one frame; bytes after it are an error. */
export class FrameCollector {
  readonly #sizeBytesMax: number;
  #head = Buffer.alloc(0);
  #body: Buffer | null = null;
  #expected = 0;
  #received = 0;

  constructor(sizeBytesMax: number) {
    this.#sizeBytesMax = sizeBytesMax;
  }

  /** Bytes taken so far, head included. */
  get sizeBytes(): number {
    return this.#head.length + this.#received;
  }

  /** The body, once it is whole. */
  get frame(): Bytes | null {
    if (this.#body === null || this.#received < this.#expected) return null;
    return this.#body.subarray(0, this.#expected);
  }

  push(chunk: Bytes): void {
    let rest = chunk;
    if (this.#head.length < FRAME_HEAD_BYTES) {
      const taken = rest.subarray(0, FRAME_HEAD_BYTES - this.#head.length);
      this.#head = Buffer.concat([this.#head, taken]);
      rest = rest.subarray(taken.length);
      if (this.#head.length < FRAME_HEAD_BYTES) return;
      this.#open();
    }
    if (this.#received + rest.length > this.#expected) {
      throw new ParleyError('NETWORK_CLOSED', 'the peer sent more than one frame');
    }
    this.#append(rest);
  }

  #open(): void {
    this.#expected = this.#head.readUInt32BE(0);
    if (this.#expected > this.#sizeBytesMax) {
      throw new ParleyError('NETWORK_TOO_LARGE', `a frame of ${this.#expected} bytes is over ${this.#sizeBytesMax}`);
    }
    this.#body = Buffer.allocUnsafe(Math.min(this.#expected, ROOM_BYTES));
  }

  #append(rest: Bytes): void {
    let body = this.#body as Buffer;
    const needed = this.#received + rest.length;
    if (needed > body.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(this.#expected, Math.max(needed, body.length * 4)));
      body.copy(grown, 0, 0, this.#received);
      this.#body = grown;
      body = grown;
    }
    body.set(rest, this.#received);
    this.#received = needed;
  }
}
