/** Who may call the RPC, from the files that `[rpc]` names. What is wrong is a ConfigError that names the key and no secret. */
import { readFileSync } from 'node:fs';
import { parse as parseToml } from 'smol-toml';
import { z } from 'zod';
import type { ApiKey, JwtOptions } from '../../rpc/authentication.ts';
import { DEFAULT_RPC_LIMITS, limitKey, type RpcLimitName, type RpcLimits } from '../../rpc/limits.ts';
import { ConfigError } from '../util/errors.ts';
import { namespace, type Config } from './config-schema.ts';

/** `rate`: weights per second. */
export type KeyRateLimit = { readonly capacity: number; readonly rate: number };

export type RpcAccess = {
  readonly apiKeys: readonly ApiKey[];
  /** Of the keys that have an allowance of their own, by Client.id. */
  readonly rateLimits: ReadonlyMap<string, KeyRateLimit>;
  readonly jwt: JwtOptions | null;
};

const OPEN: readonly string[] = ['eth', 'net', 'web3', 'txpool', 'consensus', 'rpc'];

/** Method families that everybody may use. Off a devnet those of a node's keeper are open only where they are named. */
export function openNamespaces({ devnet, rpc }: Pick<Config, 'devnet' | 'rpc'>): readonly string[] {
  return rpc.namespaces ?? (devnet ? [...OPEN, 'admin', 'devnet'] : OPEN);
}

const SECRET = /^(?:0x)?([0-9a-fA-F]{64})$/;

const keysSchema = z.strictObject({
  keys: z.array(
    z.strictObject({
      name: z.string().regex(/^[\w.@-]{1,64}$/, '1 to 64 letters, digits, . _ @ or -'),
      sha256: z.string().regex(/^[0-9a-fA-F]{64}$/, "64 hex digits, the SHA-256 of the key's text"),
      namespaces: z.array(namespace).optional(),
      'rate-limit': z.strictObject({ capacity: z.int().min(1), rate: z.number().positive() }).optional(),
    }),
  ),
});

/** @throws ConfigError. */
export function readRpcAccess(config: Config['rpc']): RpcAccess {
  const { 'api-keys-file': keysFile, 'jwt-secret-file': secretFile, 'jwt-namespaces': namespaces } = config;
  const keys = keysFile === undefined ? [] : readKeys(keysFile);
  const limited = keys.flatMap(({ name, 'rate-limit': limit }) =>
    limit === undefined ? [] : [[`key:${name}`, limit] as const],
  );
  return {
    apiKeys: keys.map(({ name, sha256, namespaces: opens = null }) => ({ name, sha256, namespaces: opens })),
    rateLimits: new Map(limited),
    jwt: secretFile === undefined ? null : { secret: readSecret(secretFile), namespaces: namespaces ?? null },
  };
}

/** `[rpc.limits]` by the names of rpc/limits.ts. */
export function rpcLimits(config: Config['rpc']): RpcLimits {
  const names = Object.keys(DEFAULT_RPC_LIMITS) as RpcLimitName[];
  const limit = (name: RpcLimitName): number => config.limits[limitKey(name)] ?? DEFAULT_RPC_LIMITS[name];
  return Object.fromEntries(names.map((name) => [name, limit(name)])) as RpcLimits;
}

function readKeys(file: string): z.output<typeof keysSchema>['keys'] {
  const path = 'rpc.api-keys-file';
  const text = readText(file, path);
  let input: unknown;
  try {
    input = file.endsWith('.json') ? JSON.parse(text) : parseToml(text);
  } catch {
    // The parsers' messages quote the file.
    throw new ConfigError(`${path}: ${file} is not valid ${file.endsWith('.json') ? 'JSON' : 'TOML'}`, { path, file });
  }
  const result = keysSchema.safeParse(input);
  if (result.success) return result.data.keys;
  const problems = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new ConfigError(`${path}: ${file}: ${problems.join('; ')}`, { path, file });
}

/** As geth's `jwtsecret`: 64 hex digits, with or without 0x. */
function readSecret(file: string): Uint8Array {
  const path = 'rpc.jwt-secret-file';
  const digits = SECRET.exec(readText(file, path).trim())?.[1];
  if (digits !== undefined) return Buffer.from(digits, 'hex');
  throw new ConfigError(`${path}: ${file} must hold 32 bytes as 64 hex digits: make it with openssl rand -hex 32`, {
    path,
    file,
  });
}

function readText(file: string, path: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(`${path}: cannot read ${file} (${code ?? 'unknown'})`, { path, file }, { cause: error });
  }
}
