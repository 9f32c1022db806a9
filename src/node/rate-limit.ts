import { readFileSync } from 'node:fs';
import { createLimiter, type RateLimitModules, type RateLimitSettings } from '../../rpc/limiting/create-limiter.ts';
import type { RateLimiter } from '../../rpc/limiting/rate-limiter.ts';
import { sha256 } from '../crypto/sha256.ts';
import type { Hash, PeerId } from '../types/primitives.ts';
import { ConfigError, errorText } from '../util/errors.ts';
import type { NodeSettings } from './settings.ts';

type Settings = Pick<NodeSettings, 'config' | 'rpcAccess'>;
type Place = { readonly genesisHash: Hash; readonly self: PeerId };

/** The limiter that the configuration asks for; null: none. Throws ConfigError, without a secret or a password in it. */
export async function rateLimiter(
  settings: Settings,
  place: Place,
  modules: RateLimitModules,
): Promise<RateLimiter | null> {
  const limits = rateLimitSettings(settings, place);
  return limits === null ? null : createLimiter(limits, modules);
}

export function rateLimitSettings(
  { config, rpcAccess }: Settings,
  { genesisHash, self }: Place,
): RateLimitSettings | null {
  const limit = config.rpc['rate-limit'];
  if (limit.scope === 'off') return null;
  const urlFile = limit['redis-url-file'];
  const secretFile = limit['secret-file'];
  return {
    scope: limit.scope,
    algorithm: limit.algorithm,
    capacity: limit.capacity,
    rate: limit.rate,
    windowMs: limit['window-ms'],
    nodes: limit.nodes ?? config.nodes,
    overrides: new Map([...Object.entries(limit.clients), ...rpcAccess.rateLimits]),
    redisUrl: urlFile === undefined ? (limit['redis-url'] ?? null) : readText(urlFile, 'redis-url-file'),
    secret: secretFile === undefined ? null : Buffer.from(readText(secretFile, 'secret-file')),
    exchangeMs: limit['exchange-ms'],
    network: genesisHash.slice(2, 18),
    node: Buffer.from(sha256(Buffer.from(self))).toString('hex', 0, 8),
  };
}

/** Without the white space around it. */
function readText(file: string, key: string): string {
  const path = `rpc.rate-limit.${key}`;
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new ConfigError(`cannot read ${path} ${file}: ${errorText(error)}`, { path });
  }
}
