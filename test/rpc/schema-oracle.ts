/**
 * Judges of results: the schemas of ethereum/execution-apis (as @metamask/api-specs packs them, with what test/vectors/execution-apis.json
 * adds), and the node's own, from rpc.discover.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv, type ValidateFunction } from 'ajv';

type Schema = { readonly [key: string]: unknown };
type Schemas = { readonly [name: string]: Schema };
type Described = { readonly source: string; readonly schema: Schema };
type Method = { readonly name: string; readonly result: { readonly schema: Schema } };

export type OpenRpc = {
  readonly openrpc: string;
  readonly methods: readonly (Method & {
    readonly params: readonly { readonly name: string; readonly required: boolean }[];
  })[];
  readonly components: { readonly schemas: Schemas };
};

/** What is wrong with a result; null: nothing. */
export type Judge = (result: unknown) => string | null;

const packed = createRequire(import.meta.url)('@metamask/api-specs/dist/build/openrpc.json') as OpenRpc;
const added = JSON.parse(readFileSync(new URL('../vectors/execution-apis.json', import.meta.url), 'utf8')) as {
  readonly schemas: { readonly [name: string]: Described };
  readonly results: { readonly [name: string]: Described };
};

/** Of the package, these are MetaMask's own and no part of execution-apis. */
const NOT_SPECIFIED =
  /^(?:wallet_|personal_|web3_|eth_(?:requestAccounts|decrypt|getEncryptionPublicKey|signTypedData_v4)$)/;

const schemas: Schemas = {
  ...packed.components.schemas,
  ...Object.fromEntries(Object.entries(added.schemas).map(([name, { schema }]) => [name, schema])),
  // An empty list is of both kinds, which `oneOf` cannot mean.
  FilterResults: {
    anyOf: ['hash32', 'Log'].map((name) => ({ type: 'array', items: { $ref: `#/components/schemas/${name}` } })),
  },
};

const specified = new Map([
  ...packed.methods
    .filter(({ name }) => !NOT_SPECIFIED.test(name))
    .map(({ name, result }) => [name, judge(result.schema, schemas)] as const),
  ...Object.entries(added.results).map(([name, { schema }]) => [name, judge(schema, schemas)] as const),
]);

/** Undefined: execution-apis has no such method. */
export function specifiedResult(method: string): Judge | undefined {
  return specified.get(method);
}

/** Of a component, such as what a subscription sends. */
export function specifiedComponent(name: string): Judge {
  return judge({ $ref: `#/components/schemas/${name}` }, schemas);
}

/** By method. */
export function ownResults(document: OpenRpc): ReadonlyMap<string, Judge> {
  return new Map(document.methods.map(({ name, result }) => [name, judge(result.schema, document.components.schemas)]));
}

export function ownComponent(document: OpenRpc, name: string): Judge {
  return judge({ $ref: `#/components/schemas/${name}` }, document.components.schemas);
}

function judge(schema: Schema, components: Schemas): Judge {
  let check: ValidateFunction | null = null;
  const ajv = new Ajv({ strict: false, allErrors: false });
  return (result) => {
    check ??= ajv.compile({ ...schema, components: { schemas: components } });
    return check(result) ? null : `${ajv.errorsText(check.errors)}: ${JSON.stringify(result).slice(0, 2000)}`;
  };
}
