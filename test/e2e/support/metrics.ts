import { get } from 'node:http';

/** What a node says at one of its paths, over a connection that ends with it. */
export function textAt(url: string): Promise<string> {
  return new Promise((done, failed) => {
    get(url, { agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.once('end', () => done(body));
    }).once('error', failed);
  });
}

/** One value of a node's metrics, `name` with its labels as in the text; NaN where there is none. */
export async function metricOf(url: string, name: string): Promise<number> {
  const text = await textAt(`${url}/metrics`);
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? Number.NaN);
}
