import { readFileSync } from 'node:fs';
import { until } from './wait.ts';

/** To be in a node's environment: its inspector takes a free port when it is asked for. */
export const HEAP_NODE_OPTIONS = '--inspect-port=127.0.0.1:0';

const MEMORY = '(() => { const { heapUsed, external } = process.memoryUsage(); return heapUsed + external; })()';

type Frame = { readonly id?: number; readonly result?: { readonly result?: { readonly value?: unknown } } };

/** Bytes that a node holds in objects and buffers, after a full collection. `log`: where its errors go. */
export async function heapBytes(node: { readonly pid: number; readonly log: string }): Promise<number> {
  const url = await inspectorOf(node);
  const socket = new WebSocket(url);
  const answers = new Map<number, (frame: Frame) => void>();
  socket.addEventListener('message', ({ data }) => {
    const frame = JSON.parse(String(data)) as Frame;
    answers.get(frame.id ?? 0)?.(frame);
  });
  await new Promise((done, failed) => {
    socket.addEventListener('open', done);
    socket.addEventListener('error', failed);
  });
  let id = 0;
  const ask = (method: string, params: object = {}): Promise<Frame> => {
    const { promise, resolve } = Promise.withResolvers<Frame>();
    answers.set(++id, resolve);
    socket.send(JSON.stringify({ id, method, params }));
    return promise;
  };
  // What finalizers let go of is collected by the next one.
  for (let i = 0; i < 3; i++) await ask('HeapProfiler.collectGarbage');
  const { result } = await ask('Runtime.evaluate', { expression: MEMORY, returnByValue: true });
  socket.close();
  return Number(result?.result?.value);
}

async function inspectorOf({ pid, log }: { readonly pid: number; readonly log: string }): Promise<string> {
  const known = (): string | undefined => /^Debugger listening on (ws:\S+)$/m.exec(readFileSync(log, 'utf8'))?.[1];
  if (known() === undefined) process.kill(pid, 'SIGUSR1');
  return until('the inspector listens', async () => known());
}
