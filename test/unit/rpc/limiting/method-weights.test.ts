import { expect, it } from 'vitest';
import { methodWeights, weightOf } from '../../../../rpc/limiting/method-weights.ts';

it('weighs heavy methods more, and 1 what it does not know', () => {
  expect(weightOf('eth_blockNumber')).toBe(1);
  expect(weightOf('eth_call')).toBe(10);
  expect(weightOf('eth_getLogs')).toBe(20);
  expect(weightOf('eth_sendRawTransaction')).toBe(2);
  expect(weightOf('debug_traceTransaction')).toBe(100);
  expect(weightOf('debug_getRawBlock')).toBe(20);
  for (const name of ['', '_', 'constructor', '__proto__', 'toString', 'eth', 'nothing_here'])
    expect(weightOf(name)).toBe(1);
});

it('lets exact names come before namespaces, and both before the defaults', () => {
  const of = methodWeights({ eth_call: 3, 'eth_*': 7, 'debug_*': 100 });
  expect(['eth_call', 'eth_getLogs', 'eth_anything', 'debug_x', 'txpool_content', 'net_version'].map(of)).toEqual([
    3, 7, 7, 100, 20, 1,
  ]);
});
