/** A method and everything that is told of it: its handler gets parameters decoded by the types that describe them. */
import { INTERNAL_ERROR, INVALID_PARAMS, LIMIT_EXCEEDED } from './errors.ts';
import type { Params } from './params.ts';
import type { Caller, MethodResult } from './router.ts';
import type { JsonSchema, ParamType } from './schema/param-type.ts';

export type MethodParam<T = unknown> = { readonly name: string; readonly type: ParamType<T> };

/** What rpc.discover says of a method. */
export type MethodDoc = {
  readonly summary: string;
  readonly params: readonly (MethodParam & { readonly required: boolean })[];
  readonly result: JsonSchema;
  /** Numbers of the errors that are to be expected. */
  readonly errors: readonly number[];
};

export type Method = {
  /** Parameters that must be there and not null. */
  readonly required: number;
  readonly allowed: number;
  readonly handle: (params: Params, caller: Caller) => MethodResult | Promise<MethodResult>;
  readonly doc: MethodDoc;
};

/** By full name: `eth_blockNumber`. */
export type MethodTable = { readonly [name: string]: Method };

type Values<P extends readonly MethodParam[]> = {
  readonly [K in keyof P]: P[K] extends MethodParam<infer T> ? T : never;
};

const ALWAYS: readonly number[] = [INVALID_PARAMS, INTERNAL_ERROR, LIMIT_EXCEEDED];

export type MethodSpec<P extends readonly MethodParam[]> = {
  readonly summary: string;
  readonly params: P;
  readonly result: JsonSchema;
  /** Beside those that every method may have. */
  readonly errors?: readonly number[];
  handle(params: Values<P>, caller: Caller): MethodResult | Promise<MethodResult>;
};

/** Those parameters are required whose type does not read what is left out; they come first. */
export function define<const P extends readonly MethodParam[]>(spec: MethodSpec<P>): Method {
  const params = spec.params.map(({ name, type }) => ({ name, type, required: !('optional' in type) }));
  const decode = (given: Params): Values<P> => {
    const values: unknown[] = [];
    for (let index = 0; index < params.length; index++) values.push(params[index]?.type.decode(given[index], index));
    return values as unknown as Values<P>;
  };
  const handle =
    params.length === 0 ? spec.handle : (given: Params, caller: Caller) => spec.handle(decode(given), caller);
  return {
    required: params.filter(({ required }) => required).length,
    allowed: params.length,
    handle: handle as Method['handle'],
    doc: { summary: spec.summary, params, result: spec.result, errors: [...ALWAYS, ...(spec.errors ?? [])] },
  };
}

export function param<T>(name: string, type: ParamType<T>): MethodParam<T> {
  return { name, type };
}
