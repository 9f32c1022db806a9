import { isIP } from 'node:net';
import { join } from 'node:path';
import { ConfigError } from '../util/errors.ts';
import type { Config } from './config-schema.ts';
import type { WalletOptions } from './node-wallet.ts';
import { openNamespaces, type RpcAccess } from './rpc-access.ts';

/** Method families that use keystore accounts. */
const WALLET_NAMESPACES: readonly string[] = ['personal', 'wallet'];

export type WalletPolicyInput = {
  readonly devnet: boolean;
  /** Address the RPC listens on. */
  readonly host: string;
  /** Nobody is answered who gives no key or token. */
  readonly requireKey: boolean;
  /** All that some caller may use, with a key or without. */
  readonly namespaces: readonly string[];
};

/** The wallet that the configuration asks for by opening its methods to somebody; null: none. Throws ConfigError as `isWalletServed`. */
export function walletOptions(
  { devnet, rpc, wallet }: Pick<Config, 'devnet' | 'rpc' | 'wallet'>,
  { apiKeys, jwt }: Pick<RpcAccess, 'apiKeys' | 'jwt'>,
  dataDir: string,
): WalletOptions | null {
  const withKey = [...apiKeys, ...(jwt === null ? [] : [jwt])].flatMap(({ namespaces }) => namespaces ?? []);
  const namespaces = [...openNamespaces({ devnet, rpc }), ...withKey];
  if (!isWalletServed({ devnet, host: rpc.host, requireKey: rpc['require-key'], namespaces })) return null;
  const { 'keystore-dir': path, scrypt, 'unlock-seconds-max': unlockSecondsMax } = wallet;
  return { path: path ?? join(dataDir, 'keystore'), scrypt, unlockSecondsMax };
}

/**
 * Off a devnet, where accounts may hold money, only callers on this machine that give a key or a token may have a wallet: all callers must
 * give one, since `eth_` signs with what `personal_` unlocked. Throws ConfigError where it would be open to others.
 */
export function isWalletServed({ devnet, host, requireKey, namespaces }: WalletPolicyInput): boolean {
  const served = WALLET_NAMESPACES.filter((namespace) => namespaces.includes(namespace));
  if (served.length === 0) return false;
  if (devnet) return true;
  const asked = `the methods of ${served.join(' and ')} use the accounts of this node`;
  const orClose = 'or open them to nobody (rpc.namespaces, rpc.jwt-namespaces, namespaces of keys)';
  if (!isLoopback(host)) {
    const message = `${asked}, so the RPC must listen on loopback: set rpc.host to 127.0.0.1, ${orClose}`;
    throw new ConfigError(message, { path: 'rpc.host' });
  }
  if (requireKey) return true;
  const message = `${asked}, so callers must say who they are: set rpc.require-key, ${orClose}`;
  throw new ConfigError(message, { path: 'rpc.require-key' });
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
