import { join } from 'node:path';
import { addressOf } from '../crypto/secp256k1.ts';
import type { Address, Bytes } from '../types/primitives.ts';
import { ConfigError } from '../util/errors.ts';
import { coinsToWei } from './coins.ts';
import type { Config } from './config-schema.ts';
import type { DevKeys, KeyPair } from './dev-keys.ts';
import type { WalletOptions } from './node-wallet.ts';
import { readRpcAccess, type RpcAccess } from './rpc-access.ts';
import { walletOptions } from './wallet-policy.ts';

/** Everything one node needs to know, derived from the network's configuration and its place in it. */
export type NodeSettings = {
  readonly config: Config;
  readonly dataDir: string;
  readonly rpcPort: number;
  readonly p2pPort: number;
  readonly bootstrap: readonly string[];
  /** null: follow only. */
  readonly validatorKey: Bytes | null;
  readonly validators: readonly Address[];
  readonly alloc: ReadonlyMap<Address, bigint>;
  readonly genesisTimeMs: number;
  /** Unlocked accounts; null on anything but a devnet. */
  readonly devAccounts: readonly KeyPair[] | null;
  /** null: no keystore accounts. */
  readonly wallet: WalletOptions | null;
  readonly rpcAccess: RpcAccess;
};

/**
 * `keys`: those of the phrase, where somebody has derived them already (it takes 100 ms of CPU). Throws ConfigError where the
 * configuration does not make a node.
 */
export async function nodeSettings(config: Config, index: number | undefined, keys?: DevKeys): Promise<NodeSettings> {
  if (index !== undefined && index >= config.nodes) {
    throw new ConfigError(`--index ${index}: the network has nodes 0 to ${config.nodes - 1}`, { path: 'index' });
  }
  if (config.genesis.time === undefined) {
    throw new ConfigError(
      'genesis.time is missing: every node of a network needs the same; `parley devnet` writes it by itself',
      {
        path: 'genesis.time',
      },
    );
  }
  const { accounts, validators: derived } = keys ?? (await import('./dev-keys.ts')).devKeys(config);
  const named = config.genesis.validators?.map((address) => address.toLowerCase() as Address);
  const validators = named ?? derived.map(({ address }) => address);
  const offset = index ?? 0;
  const rpcAccess = readRpcAccess(config.rpc);
  const dataDir = index === undefined ? config['data-dir'] : join(config['data-dir'], `node-${index}`);
  return {
    config,
    dataDir,
    rpcPort: config['rpc-port'] === 0 ? 0 : config['rpc-port'] + offset,
    p2pPort: config['p2p-port'] === 0 ? 0 : config['p2p-port'] + offset,
    bootstrap: [...config.p2p.bootstrap, ...siblings(config, index)],
    validatorKey: await validatorKey(config, index, derived),
    validators,
    alloc: allocation(config, accounts),
    genesisTimeMs: config.genesis.time,
    devAccounts: config.devnet ? accounts : null,
    rpcAccess,
    wallet: walletOptions(config, rpcAccess, dataDir),
  };
}

/** The nodes of a devnet find each other by their ports: each dials those before it, those after dial it. */
function siblings(config: Config, index: number | undefined): readonly string[] {
  if (!config.devnet || index === undefined || config['p2p-port'] === 0) return [];
  return Array.from({ length: index }, (_, i) => `/ip4/${config.p2p.host}/tcp/${config['p2p-port'] + i}`);
}

/** A devnet's node has its key even where the genesis does not name it: the others may vote it in. */
async function validatorKey(
  config: Config,
  index: number | undefined,
  derived: readonly KeyPair[],
): Promise<Bytes | null> {
  const { keystore, 'password-file': passwordFile } = config.node;
  if (keystore !== undefined) {
    if (passwordFile === undefined)
      throw new ConfigError('node.password-file is missing beside node.keystore', { path: 'node.password-file' });
    const { readKeyFile } = await import('./key-file.ts');
    return readKeyFile(keystore, passwordFile);
  }
  if (!config.devnet || index === undefined) return null;
  return derived[index]?.privateKey ?? null;
}

function allocation(config: Config, accounts: readonly KeyPair[]): ReadonlyMap<Address, bigint> {
  const alloc = new Map<Address, bigint>();
  const balance = coinsToWei(config.balance);
  for (const { address } of accounts) alloc.set(address, balance);
  for (const [address, coins] of Object.entries(config.genesis.alloc))
    alloc.set(address.toLowerCase() as Address, coinsToWei(coins));
  return alloc;
}

/** The address a key signs for; null for a follower. */
export function validatorAddress(settings: NodeSettings): Address | null {
  return settings.validatorKey === null ? null : addressOf(settings.validatorKey);
}
