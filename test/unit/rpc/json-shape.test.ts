import fc from 'fast-check';
import { expect, it } from 'vitest';
import { shapeProblem } from '../../../rpc/json-shape.ts';
import { DEFAULT_RPC_LIMITS } from '../../../rpc/limits.ts';

const problem = (text: string, jsonDepthMax: number, jsonValuesMax: number): string | null =>
  shapeProblem(text, { ...DEFAULT_RPC_LIMITS, jsonDepthMax, jsonValuesMax });

/** What there is to count, from the value itself. */
function shapeOf(value: unknown): { depth: number; values: number } {
  if (typeof value !== 'object' || value === null) return { depth: 0, values: 1 };
  const inner = Object.values(value).map(shapeOf);
  return {
    depth: 1 + Math.max(0, ...inner.map(({ depth }) => depth)),
    values:
      1 +
      Math.max(
        1,
        inner.reduce((sum, { values }) => sum + values, 0),
      ),
  };
}

it('measures any JSON, whatever its strings hold', () => {
  const json = fc.jsonValue({ stringUnit: fc.constantFrom('"', '\\', '[', '{', ',', '}', 'a', 'é', '\n') });
  fc.assert(
    fc.property(json, (value) => {
      // Not too short to be looked at.
      const text = JSON.stringify(value, null, 4) + ' '.repeat(100);
      const { depth, values } = shapeOf(value);
      expect(problem(text, depth + 1, values + 1)).toBeNull();
      if (depth > 1) expect(problem(text, depth - 1, 10_000)).toBe(`nested deeper than ${depth - 1}`);
    }),
  );
});

it.each([
  ['nested', '['.repeat(100_000), 'nested deeper than 512'],
  ['wide', `[${'{},'.repeat(100_000)}`, 'more than 100000 values'],
  ['one string', `"${'[{,'.repeat(100_000)}"`, null],
  ['a string without an end', `"${'\\"'.repeat(100_000)}`, null],
  ['closed more often than opened', ']'.repeat(100_000), null],
])('judges what is %s', (_, text, expected) => {
  expect(shapeProblem(text, DEFAULT_RPC_LIMITS)).toBe(expected);
});
