/** The thread of a PoliteClient: calls without end, one after the other over one connection, and judges every answer. */
import { Agent, request } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';
import type { PoliteOptions, PoliteReport } from './polite-client.ts';

const { url, localAddress, account, balance } = workerData as PoliteOptions;
const PAUSE_MS = 10;
const TIMEOUT_MS = 20_000;
const FAILURES_TOLD = 10;

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
let connections = 0;
let isAsked = false;
let height = 0;
let id = 0;
let window = { timesMs: [] as number[], failures: [] as string[] };

type Answer = { readonly status: number; readonly body: string };

function post(body: string): Promise<Answer> {
  return new Promise((done, failed) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const call = request(url, { method: 'POST', agent, localAddress, headers, timeout: TIMEOUT_MS }, (response) => {
      if (!call.reusedSocket) connections++;
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.once('end', () => done({ status: response.statusCode ?? 0, body: text }));
      response.once('error', failed);
    });
    call.once('timeout', () => call.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    call.once('error', failed);
    call.end(body);
  });
}

/** null: as it should be. */
async function problemOf(method: string, params: readonly unknown[]): Promise<string | null> {
  const { status, body } = await post(JSON.stringify({ jsonrpc: '2.0', id: ++id, method, params }));
  const told = `${method}: ${status} ${body.slice(0, 200)}`;
  if (status !== 200) return told;
  const answer = JSON.parse(body) as { readonly id?: unknown; readonly result?: unknown };
  if (answer.id !== id || typeof answer.result !== 'string') return told;
  if (method === 'eth_getBalance') return BigInt(answer.result) === BigInt(balance) ? null : told;
  const at = Number(answer.result);
  if (!(at >= height)) return `${told}, after ${height}`;
  height = at;
  return null;
}

async function ask(method: string, params: readonly unknown[]): Promise<void> {
  const startMs = performance.now();
  const problem = await problemOf(method, params).catch((error: unknown) => `${method}: ${String(error)}`);
  window.timesMs.push(performance.now() - startMs);
  if (problem !== null && window.failures.length < FAILURES_TOLD) window.failures.push(problem);
}

parentPort?.on('message', () => (isAsked = true));

for (let turn = 0; ; turn++) {
  // A report is given after calls that began when it was asked for, so that nothing is still waiting unseen.
  const isLast = isAsked;
  await ask('eth_blockNumber', []);
  await ask('eth_getBalance', [account, 'latest']);
  if (isLast) {
    // The rule is about windows; this is a port between threads.
    // oxlint-disable-next-line unicorn/require-post-message-target-origin
    parentPort?.postMessage({ ...window, height, connections } satisfies PoliteReport);
    window = { timesMs: [], failures: [] };
    isAsked = false;
  }
  await new Promise((wake) => setTimeout(wake, PAUSE_MS));
}
