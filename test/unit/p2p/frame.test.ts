import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { encodeFrame, FrameCollector } from '../../../p2p/frame.ts';

function feed(wire: Uint8Array, cuts: readonly number[], sizeBytesMax: number): FrameCollector {
  const collector = new FrameCollector(sizeBytesMax);
  let from = 0;
  for (const cut of [...cuts, wire.length].map((at) => Math.min(at, wire.length)).sort((a, b) => a - b)) {
    collector.push(wire.subarray(from, cut));
    from = cut;
  }
  return collector;
}

it('gives back what was framed, however it is cut', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200_000 }), fc.array(fc.nat(200_004), { maxLength: 20 }), (body, cuts) => {
      const frame = feed(encodeFrame(body), cuts, 200_000).frame;
      expect(frame).not.toBeNull();
      expect(Buffer.compare(frame as Uint8Array, body)).toBe(0);
    }),
    { numRuns: 50 },
  );
});

it('is not whole before the last byte', () => {
  const wire = encodeFrame(Buffer.from('abc'), Buffer.from('def'));
  const collector = new FrameCollector(100);
  for (let i = 0; i < wire.length; i++) {
    expect(collector.frame).toBeNull();
    collector.push(wire.subarray(i, i + 1));
  }
  expect(Buffer.from(collector.frame ?? []).toString()).toBe('abcdef');
  expect(feed(encodeFrame(), [], 0).frame?.length).toBe(0);
});

it('refuses a length over the limit before the body, and bytes after the frame', () => {
  const collector = new FrameCollector(10);
  expect(() => collector.push(Buffer.from([0, 0, 0, 11]))).toThrowError(
    expect.objectContaining({ code: 'NETWORK_TOO_LARGE' }) as Error,
  );
  const second = new FrameCollector(10);
  expect(() => second.push(Buffer.concat([encodeFrame(Buffer.from('x')), Buffer.from('y')]))).toThrowError(
    expect.objectContaining({ code: 'NETWORK_CLOSED' }) as Error,
  );
});
