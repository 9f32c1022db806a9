/** The examples that JSON-RPC 2.0 itself gives (test/vectors/json-rpc.json), each by its text. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { clientAt } from '../../../rpc/client.ts';
import { INVALID_PARAMS } from '../../../rpc/errors.ts';
import { JsonRpc } from '../../../rpc/json-rpc.ts';
import { DEFAULT_RPC_LIMITS } from '../../../rpc/limits.ts';
import { Load } from '../../../rpc/load.ts';
import { httpCaller, Router } from '../../../rpc/router.ts';
import { Turns } from '../../../rpc/turns.ts';
import { silentLog } from '../../../src/util/log.ts';
import { method } from './plain-method.ts';

type Example = { readonly name: string; readonly request: string; readonly response: unknown; readonly named?: true };

const { examples } = JSON.parse(readFileSync(new URL('../../vectors/json-rpc.json', import.meta.url), 'utf8')) as {
  readonly examples: readonly Example[];
};

const heard: string[] = [];
const router = new Router(
  [
    {
      subtract: method(2, 2, ([minuend, subtrahend]) => Number(minuend) - Number(subtrahend)),
      sum: method(0, 9, (params) => params.reduce<number>((sum, item) => sum + Number(item), 0)),
      update: method(0, 9, (params) => heard.push(`update ${params.length}`)),
      notify_hello: method(0, 9, () => heard.push('hello')),
      notify_sum: method(0, 9, () => heard.push('sum')),
      get_data: method(0, 0, () => ['hello', 5]),
    },
  ],
  ['subtract', 'sum', 'update', 'notify', 'get'],
);
const rpc = new JsonRpc({
  router,
  limits: DEFAULT_RPC_LIMITS,
  load: new Load(DEFAULT_RPC_LIMITS, () => 0),
  turns: new Turns(),
  limiter: null,
  weightOf: () => 1,
  log: silentLog,
  refused: { add: () => {} },
});

async function answerTo(request: string): Promise<unknown> {
  const { answer } = await rpc.handle(request, httpCaller(clientAt('192.0.2.1')));
  return answer === null ? null : (JSON.parse(answer) as unknown);
}

/** The texts of errors are ours. */
function withoutTexts(response: unknown): unknown {
  if (Array.isArray(response)) return response.map(withoutTexts);
  const { error, ...rest } = response as { error?: { code: number } };
  return error === undefined ? rest : { ...rest, error: { code: error.code } };
}

describe('JSON-RPC 2.0, section 7', () => {
  it.each(examples.filter(({ named }) => named !== true))('$name', async ({ request, response }) => {
    const answer = await answerTo(request);
    expect(answer === null ? null : withoutTexts(answer)).toEqual(response);
  });

  // Ethereum's methods take their parameters by position, and the specification lets a server expect that.
  it.each(examples.filter(({ named }) => named === true))('$name are refused', async ({ request }) => {
    expect(await answerTo(request)).toMatchObject({ error: { code: INVALID_PARAMS } });
  });

  it('notifications were carried out', () => {
    expect(heard.toSorted()).toEqual(['hello', 'hello', 'sum', 'update 5']);
  });
});
