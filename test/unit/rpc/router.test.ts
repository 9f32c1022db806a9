import { expect, it } from 'vitest';
import { HTTP_CALLER, method, Router, routerCounters } from '../../../rpc/router.ts';
import { noMetrics, type LabelValues, type Metrics } from '../../../src/util/metrics.ts';

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
  expect([router.namespaces, router.methods]).toEqual([['a'], ['a_good', 'a_late']]);
  void router.call('a_good', [], HTTP_CALLER);
  void router.call('a_good', [], HTTP_CALLER);
  await expect(router.call('a_late', [], HTTP_CALLER)).rejects.toThrow('late');
  expect(() => router.call('a_good', [1], HTTP_CALLER)).toThrow('too many');
  expect(() => router.call('b_closed', [], HTTP_CALLER)).toThrow('does not exist');
  expect(() => router.call('x'.repeat(100_000), [], HTTP_CALLER)).toThrow(/^the method x{64}… does not exist/);
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
