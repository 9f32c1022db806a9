/** HTTP by hand, for requests that no good client would send. */
import type { Socket } from 'node:net';

/** Everything the server sends until it closes, or until `enough`. */
export function received(socket: Socket, enough: (text: string) => boolean = () => false): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    if (enough(text)) resolve(text);
  });
  socket.once('close', () => resolve(text));
  return promise;
}

export function closed(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (socket.destroyed) resolve();
  else socket.once('close', () => resolve()).resume();
  return promise;
}

export function post(body: string, headers: Record<string, string> = {}): string {
  const all = {
    host: 'localhost',
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST / HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

export const CHAIN_ID_CALL = '{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}';
export const CHAIN_ID_ANSWER = '"result":"0x7a69"';

export function count(text: string, part: string): number {
  return text.split(part).length - 1;
}

/** Files and connections that this process may have at once, as far as the system tells. */
export function openFilesMax(): number {
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft?: number | string } } };
  const soft = Number(report.userLimits?.open_files?.soft ?? 0);
  return Number.isFinite(soft) && soft > 0 ? soft : 4096;
}
