/** What rpc.discover says of a parameter is what the decoder does: values made from each schema, and broken ones, are judged alike. */
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Feed } from '../../../rpc/feed.ts';
import { FeeOracle } from '../../../rpc/fee-oracle.ts';
import { Filters } from '../../../rpc/filters.ts';
import { DEFAULT_RPC_LIMITS } from '../../../rpc/limits.ts';
import { LongCalls } from '../../../rpc/long-calls.ts';
import { allMethods } from '../../../rpc/methods/all-methods.ts';
import { openRpcDocument } from '../../../rpc/openrpc.ts';
import { RenderedBlocks } from '../../../rpc/rendered-blocks.ts';
import type { JsonSchema, ParamType } from '../../../rpc/schema/param-type.ts';
import { Subscriptions } from '../../../rpc/subscriptions.ts';
import { Turns } from '../../../rpc/turns.ts';
import type { JsonValue } from '../../../src/types/primitives.ts';
import { ParleyError } from '../../../src/util/errors.ts';
import { FakeNode } from '../../rpc/fake-node.ts';

/** What no schema can say: these words come of values that the schema lets pass. */
const RULES =
  /`input` and `data` differ|max priority fee per gas higher|`accessList` has more than|more than 1024 storage keys|must ascend|or its JSON text|`time` is above/;

const node = new FakeNode();
const rendered = new RenderedBlocks(0);
const feed = new Feed(node.events, rendered);
const limits = { ...DEFAULT_RPC_LIMITS, logsCriteriaMax: 3, feeHistoryPercentilesMax: 3 };
const subscriptions = new Subscriptions(feed, limits);
const context = {
  node,
  limits,
  rendered,
  feed,
  subscriptions,
  fees: new FeeOracle(node.chain),
  filters: new Filters(feed, limits),
  longCalls: new LongCalls(limits, new Turns()),
};
const tables = allMethods(context, { namespacesOf: () => [], docsOf: () => [] });
const docs = tables.flatMap((table) => Object.entries(table)).map(([name, { doc }]) => [name, doc] as const);
const params = docs.flatMap(([name, doc]) =>
  doc.params.map(({ name: param, type }): [string, ParamType<unknown>] => [`${name} ${param}`, type]),
);

const ajv = new Ajv({ strict: false });

const SMALL: readonly JsonValue[] = [null, true, false, 0, 1, -1, 1.5, 50, 101, 2 ** 53, [], {}, [null], [[]]];
const TEXTS = '|latest|soon|newHeads|5|0x|0x0|0x1|0x01|0xfF|0x123|0xzz|0x7a69|0x7A69|{}|{|0x1\n| 0x1'.split('|');
const EDGES = ['0x1fffffffffffff', '0x20000000000000', `0x${'f'.repeat(64)}`, `0x1${'0'.repeat(64)}`];
const NAMES = [`0x${'Ab'.repeat(20)}`, `0x${'ab'.repeat(32)}`];
const ATOMS = [...SMALL, ...TEXTS, ...EDGES, ...NAMES, { blockHash: null }, { from: `0x${'11'.repeat(20)}` }];
const atom = fc.oneof(fc.constantFrom(...ATOMS), fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<JsonValue>);

/** Mostly as the schema wants it, at each level now and then anything. */
function noisy(schema: JsonSchema): fc.Arbitrary<JsonValue> {
  return fc.oneof({ weight: 9, arbitrary: fitting(schema) }, { weight: 1, arbitrary: atom });
}

function fitting(schema: JsonSchema): fc.Arbitrary<JsonValue> {
  const { anyOf, type, enum: texts, pattern, properties, items, propertyNames, additionalProperties } = schema;
  if (Array.isArray(anyOf) && properties === undefined) return fc.oneof(...(anyOf as JsonSchema[]).map(noisy));
  if (Array.isArray(texts)) return fc.constantFrom(...(texts as JsonValue[]));
  if (typeof pattern === 'string') return fc.stringMatching(new RegExp(pattern));
  if (properties !== undefined) {
    const fields = Object.entries(properties as { [name: string]: JsonSchema }).map(
      ([name, field]) => [name, noisy(field)] as const,
    );
    return fc.record(Object.fromEntries(fields), { requiredKeys: [] }) as fc.Arbitrary<JsonValue>;
  }
  if (additionalProperties !== undefined) {
    const key = fitting(propertyNames as JsonSchema) as fc.Arbitrary<string>;
    return fc.dictionary(key, noisy(additionalProperties as JsonSchema), { maxKeys: 3 });
  }
  if (items !== undefined) return fc.array(noisy(items as JsonSchema), { maxLength: 5 });
  if (type === 'boolean') return fc.boolean();
  if (type === 'integer' || type === 'number') return fc.oneof(fc.integer({ min: -1, max: 101 }), fc.double());
  return type === 'null' ? fc.constant(null) : atom;
}

function refusal(type: ParamType<unknown>, value: JsonValue): string | null {
  try {
    type.decode(value, 3);
    return null;
  } catch (error) {
    if (!(error instanceof ParleyError)) throw error;
    expect([error.code, error.data['index']]).toEqual(['RPC_INVALID_PARAMS', 3]);
    return error.message;
  }
}

describe('schema and decoder of', () => {
  it.each(params)('%s agree', (_, type) => {
    const accepts = ajv.compile(type.schema);
    fc.assert(
      fc.property(noisy(type.schema), (value) => {
        const said = refusal(type, value);
        if (accepts(value)) expect(said ?? 'must ascend').toMatch(RULES);
        else expect(said).not.toBeNull();
      }),
      { numRuns: 300 },
    );
  });

  it('an optional parameter is one whose schema takes null', () => {
    for (const [name, { schema, ...type }] of params) {
      expect([name, ajv.compile(schema)(null)]).toEqual([name, 'optional' in type]);
    }
  });
});

describe('the document', () => {
  it('has the fields that OpenRPC requires, and references that lead somewhere', () => {
    const document = openRpcDocument('Parley/v1.2.3/linux', docs) as unknown as Document;
    expect(document).toMatchObject({
      openrpc: expect.stringMatching(/^1\.3\.\d+$/) as string,
      info: { version: '1.2.3' },
    });
    expect(typeof document.info.title).toBe('string');
    expect(new Set(document.methods.map(({ name }) => name)).size).toBe(docs.length);
    for (const method of document.methods) {
      expect(method.result).toEqual({ name: 'result', schema: expect.any(Object) as object });
      const required = method.params.map((param) => param.required);
      expect([method.name, required]).toEqual([method.name, required.toSorted((a, b) => Number(b) - Number(a))]);
      expect(new Set(method.params.map(({ name }) => name)).size).toBe(method.params.length);
    }
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path = '']) => path);
    expect(references.length).toBeGreaterThan(100);
    for (const path of new Set(references)) expect([path, lookUp(document, path)]).toEqual([path, expect.any(Object)]);
  });

  it('compiles: every schema in it is one', () => {
    const { methods, components } = openRpcDocument('x', docs) as unknown as Document;
    for (const { result, params: given } of methods) {
      for (const { schema } of [result, ...given]) ajv.compile({ ...(schema as object), components });
    }
  });
});

type Document = {
  readonly info: { readonly title: string };
  readonly methods: readonly {
    readonly name: string;
    readonly params: readonly { readonly name: string; readonly required: boolean; readonly schema: JsonSchema }[];
    readonly result: { readonly schema: JsonSchema };
  }[];
  readonly components: object;
};

function lookUp(root: unknown, path: string): unknown {
  return path.split('/').reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], root);
}
