import { Agent, request } from 'node:http';

/** Keep-alive JSON-RPC for load: one POST a call, nothing parsed that need not be. */
export class RpcClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  readonly #url: URL;
  #id = 0;

  constructor(url: string) {
    this.#url = new URL(url);
  }

  async call<T>(method: string, params: readonly unknown[]): Promise<T> {
    const answer = JSON.parse(await this.post(JSON.stringify({ jsonrpc: '2.0', id: ++this.#id, method, params }))) as {
      result?: T;
      error?: { code: number; message: string };
    };
    if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.message} (${answer.error.code})`);
    return answer.result as T;
  }

  post(body: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const call = request(
        this.#url,
        {
          method: 'POST',
          agent: this.#agent,
          headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.once('end', () => resolve(Buffer.concat(chunks).toString()));
          response.once('error', reject);
        },
      );
      call.once('error', reject);
      call.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
