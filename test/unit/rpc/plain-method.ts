import type { Method } from '../../../rpc/method.ts';

/** A method that gets its parameters as they came. */
export function method(required: number, allowed: number, handle: Method['handle']): Method {
  return { required, allowed, handle, doc: { summary: '', params: [], result: {}, errors: [] } };
}
