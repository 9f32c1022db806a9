import { request, type ClientRequest } from 'node:http';
import { connect, type Socket } from 'node:net';

export type RawAnswer = { readonly status: number; readonly body: string };
export type RpcFailure = {
  readonly code: number;
  readonly message: string;
  readonly data?: { readonly code?: string };
};

/** One HTTP request as it is, with whatever the server says to it, even before it is sent to its end. */
export function rawPost(
  url: string,
  write: (call: ClientRequest) => void,
  headers: Record<string, string | number> = {},
): Promise<RawAnswer> {
  return new Promise((done, failed) => {
    let answered = false;
    const call = request(
      url,
      { method: 'POST', agent: false, headers: { 'content-type': 'application/json', ...headers } },
      (response) => {
        answered = true;
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (body += chunk));
        response.once('close', () => done({ status: response.statusCode ?? 0, body }));
      },
    );
    call.on('error', (error) => {
      // An upload that is cut off after its answer is not a failure.
      if (!answered) failed(error);
    });
    write(call);
  });
}

export async function postBody(
  url: string,
  body: string | Buffer,
): Promise<{ readonly status: number; readonly answer: unknown }> {
  const { status, body: text } = await rawPost(url, (call) => call.end(body));
  return { status, answer: text === '' ? null : (JSON.parse(text) as unknown) };
}

export function failureOf(answer: unknown): RpcFailure {
  const { error } = (answer ?? {}) as { error?: RpcFailure };
  if (error === undefined) throw new Error(`no error: ${JSON.stringify(answer).slice(0, 500)}`);
  return error;
}

export function openSocket(url: string): Promise<Socket> {
  const { port } = new URL(url);
  return new Promise((done, failed) => {
    const socket = connect({ port: Number(port), host: '127.0.0.1' });
    socket.once('error', failed);
    socket.once('connect', () => {
      socket.off('error', failed);
      socket.on('error', () => {});
      done(socket);
    });
  });
}

/** Sends a byte now and then until the server has enough; resolves with everything that came back. */
export async function drip(url: string, start: string, everyMs: number): Promise<string> {
  const socket = await openSocket(url);
  let heard = '';
  socket.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
  socket.write(start);
  const timer = setInterval(() => socket.write(' '), everyMs);
  await new Promise((closed) => socket.once('close', closed));
  clearInterval(timer);
  return heard;
}
