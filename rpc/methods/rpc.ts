/** rpc_: what this caller may use, and how. */
import { Lru } from '../../src/util/lru.ts';
import type { Client } from '../client.ts';
import { define, type MethodDoc, type MethodTable } from '../method.ts';
import { openRpcDocument } from '../openrpc.ts';
import { RawJson } from '../router.ts';
import { mapOf, TEXT_RESULT } from '../schema/results.ts';
import type { MethodContext } from './context.ts';

/** What a client may use; the router knows. */
export type Directory = {
  namespacesOf(client: Client): readonly string[];
  docsOf(client: Client): readonly (readonly [name: string, doc: MethodDoc])[];
};

/** Made once for each set of namespaces that clients have: it is long. */
const DOCUMENTS_MAX = 16;
const DOCUMENT_RESULT = { type: 'object', required: ['openrpc', 'info', 'methods'] };

export function rpcMethods({ node }: MethodContext, directory: Directory): MethodTable {
  const documents = new Lru<string, RawJson>(DOCUMENTS_MAX);
  const documentFor = (client: Client): RawJson => {
    const name = directory.namespacesOf(client).join();
    const known = documents.get(name);
    if (known !== undefined) return known;
    const made = new RawJson(JSON.stringify(openRpcDocument(node.clientVersion, directory.docsOf(client))));
    documents.set(name, made);
    return made;
  };
  return {
    rpc_modules: define({
      summary: 'Namespaces that the caller may use.',
      params: [],
      result: mapOf(TEXT_RESULT),
      handle: (_, { client }) => Object.fromEntries(directory.namespacesOf(client).map((name) => [name, '1.0'])),
    }),
    'rpc.discover': define({
      summary: 'This document: every method that the caller may use, made of what checks its parameters (OpenRPC 1.3).',
      params: [],
      result: DOCUMENT_RESULT,
      handle: (_, { client }) => documentFor(client),
    }),
  };
}
