import { expect, it } from 'vitest';
import { clientAt } from '../../../rpc/client.ts';
import { httpCaller, Router, routerCounters } from '../../../rpc/router.ts';
import { noMetrics, type LabelValues, type Metrics } from '../../../src/util/metrics.ts';
import { method } from './plain-method.ts';

const CALLER = httpCaller(clientAt('192.0.2.1'));

it('counts calls, errors and time by method, and reports each once', async () => {
  const added: [string, number, LabelValues][] = [];
  const metrics: Metrics = {
    ...noMetrics,
    counter: (name) => ({ add: (value = 1, labels = {}) => void added.push([name, value, labels]) }),
  };
  const counters = routerCounters(metrics);
  const table = {
    a_good: method(0, 0, () => 1),
    a_late: method(0, 0, () => Promise.reject(new Error('late'))),
    b_closed: method(0, 0, () => 1),
  };
  const router = new Router([table], ['a']);
  expect([router.namespacesOf(CALLER.client), router.methods]).toEqual([
    ['a', 'rpc'],
    ['a_good', 'a_late'],
  ]);
  void router.call('a_good', [], CALLER);
  void router.call('a_good', [], CALLER);
  await expect(router.call('a_late', [], CALLER)).rejects.toThrow('late');
  expect(() => router.call('a_good', [1], CALLER)).toThrow('too many');
  expect(() => router.call('b_closed', [], CALLER)).toThrow('does not exist');
  expect(() => router.call('x'.repeat(100_000), [], CALLER)).toThrow(/^the method x{64}… does not exist/);
  router.report(counters);
  router.report(counters);
  expect(added.filter(([name]) => !name.includes('seconds'))).toEqual([
    ['parley_rpc_calls_total', 3, { method: 'a_good' }],
    ['parley_rpc_errors_total', 1, { method: 'a_good' }],
    ['parley_rpc_calls_total', 1, { method: 'a_late' }],
    ['parley_rpc_errors_total', 1, { method: 'a_late' }],
    ['parley_rpc_errors_total', 2, { method: 'unknown' }],
  ]);
});

it('opens to a key what it names, and to everybody what is open', () => {
  const names = ['a_one', 'b_two', 'c_three', 'rpc_modules'];
  const table = Object.fromEntries(names.map((name) => [name, method(0, 0, () => name)]));
  const router = new Router([table], ['a'], ['b', 'a']);
  const may = (namespaces: readonly string[] | null): unknown[] => {
    const client = { ...CALLER.client, namespaces: namespaces === null ? null : new Set(namespaces) };
    const open = names.filter((name) => {
      try {
        return router.call(name, [], httpCaller(client)) === name;
      } catch (error) {
        expect(error).toMatchObject({ code: 'RPC_METHOD_NOT_FOUND' });
        return false;
      }
    });
    return [open, router.namespacesOf(client)];
  };
  expect(may(null)).toEqual([
    ['a_one', 'rpc_modules'],
    ['a', 'rpc'],
  ]);
  expect(may(['b'])).toEqual([
    ['b_two', 'rpc_modules'],
    ['b', 'rpc'],
  ]);
  expect(may(['a', 'b'])).toEqual([
    ['a_one', 'b_two', 'rpc_modules'],
    ['a', 'b', 'rpc'],
  ]);
  // A namespace that nothing opens has no methods, whatever a client says it has.
  expect(may(['c'])).toEqual([['rpc_modules'], ['rpc']]);
});

it('knows no namespace without methods', () => {
  const tables = [{ a_one: method(0, 0, () => 1) }];
  expect(() => new Router(tables, ['b'])).toThrow('unknown RPC namespace "b": use some of a, rpc');
  expect(() => new Router(tables, ['a'], ['b'])).toThrow('unknown RPC namespace "b"');
});
