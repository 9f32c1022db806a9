import { z } from 'zod';
import { limitKey, RPC_LIMITS } from '../../rpc/limits.ts';

/**
 * Every key of the configuration file, with its default and one line of help. The file, the flags and the JSON Schema are
 * all read from here; names are the flags' names. `parley init` writes it out.
 */

const MNEMONIC = 'test test test test test test test test test test test junk';
const port = z.int().min(0).max(65535);
const count = (max: number) => z.int().min(1).max(max);
const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/, 'an address: 0x and 40 hex digits');
const coins = z
  .union([
    z.string().regex(/^\d{1,30}(\.\d{1,18})?$/, 'whole or decimal coins, at most 18 decimals'),
    z.number().nonnegative(),
  ])
  .transform(String);

export const genesisSchema = z.strictObject({
  time: z.int().min(0).optional().describe('Genesis time in ms since 1970; a devnet writes it when it is created'),
  validators: z
    .array(address)
    .optional()
    .describe('First authorities; without it they are derived from the mnemonic, one a node'),
  alloc: z.record(address, coins).default({}).describe('More funded accounts: address = coins'),
});

const rate = z
  .number()
  .min(0.001)
  .max(1_000_000)
  .refine((value) => Math.abs(value * 1000 - Math.round(value * 1000)) < 1e-4, 'a rate, in steps of 0.001');
const method = z.string().regex(/^[a-zA-Z0-9]{1,32}_([a-zA-Z0-9_]{1,64}|\*)$/, 'a method, or ns_* for a namespace');

export const rateLimitSchema = z.strictObject({
  scope: z
    .enum(['off', 'local', 'redis', 'gossip'])
    .default('off')
    .describe('Who counts: off, local (this node), redis (a server for many), gossip (nodes tell each other)'),
  algorithm: z
    .enum(['token-bucket', 'sliding-window'])
    .default('token-bucket')
    .describe('How a client is counted; gossip takes token-bucket only'),
  capacity: count(1_000_000).default(20_000).describe('Weights a client may use at once, or in one sliding window'),
  rate: rate.default(2_000).describe('Weights per second it gains (token-bucket)'),
  'window-ms': count(3_600_000).default(10_000).describe('Length of the sliding window in ms'),
  nodes: count(64).optional().describe('Nodes that share the limits; without it all `nodes` of the network'),
  'redis-url': z.string().optional().describe('redis://[user:password@]host:port, or rediss:// for TLS'),
  'redis-url-file': z.string().optional().describe('File that holds the URL, where it has a password'),
  'secret-file': z.string().optional().describe('File with 32 random bytes or more, the same for all nodes (gossip)'),
  'exchange-ms': z.int().min(10).max(10_000).default(100).describe('ms between messages to the other nodes (gossip)'),
  weights: z
    .record(method, count(1_000_000))
    .default({})
    .describe('What a method costs, where not the default: { eth_getLogs = 50, "debug_*" = 100 }'),
  clients: z
    .record(z.string().min(1).max(128), z.strictObject({ capacity: count(1_000_000), rate }))
    .default({})
    .describe('Other limits by client: { "key:wallet" = { capacity = 100000, rate = 10000 } }'),
});

export const namespace = z.enum([
  'eth',
  'net',
  'web3',
  'txpool',
  'consensus',
  'admin',
  'rpc',
  'personal',
  'wallet',
  'debug',
  'devnet',
]);

const limitsShape = Object.fromEntries(
  Object.entries(RPC_LIMITS).map(([name, { value, min, max, help }]) => [
    limitKey(name),
    z.int().min(min).max(max).default(value).describe(help),
  ]),
);

export const rpcSchema = z.strictObject({
  host: z.string().default('127.0.0.1').describe('Address the RPC listens on'),
  hosts: z.array(z.string()).default([]).describe('More values of the Host header to accept than localhost'),
  'cors-origins': z.array(z.string()).default([]).describe('Web origins that may call; none by default'),
  namespaces: z
    .array(namespace)
    .optional()
    .describe(
      'Method families that are open to everybody; without it eth, net, web3, txpool, consensus and rpc, on a devnet admin too',
    ),
  'api-keys-file': z
    .string()
    .min(1, 'the name of a file')
    .optional()
    .describe('TOML or JSON file of [[keys]]: name, sha256, and if wanted namespaces and rate-limit'),
  'jwt-secret-file': z
    .string()
    .min(1, 'the name of a file')
    .optional()
    .describe('File of 32 bytes as hex; who signs a token with them (JWT, HS256) is known by it'),
  'jwt-namespaces': z.array(namespace).optional().describe('What a token opens; without it what is open to everybody'),
  'require-key': z.boolean().default(false).describe('Answer no call without a key or token'),
  'trusted-proxies': z
    .array(z.string())
    .default([])
    .describe('Addresses and ranges (10.0.0.0/8) of proxies whose X-Forwarded-For is believed'),
  limits: z.strictObject(limitsShape).prefault({}),
  'rate-limit': rateLimitSchema.prefault({}),
});

export const p2pSchema = z.strictObject({
  host: z.string().default('127.0.0.1').describe('Address the peer-to-peer network listens on'),
  bootstrap: z.array(z.string()).default([]).describe('Multiaddresses of peers to connect to'),
  'peers-max': count(1000).default(50).describe('Connections kept at most'),
});

export const mempoolSchema = z.strictObject({
  'transactions-max': count(1_000_000).default(20_000).describe('Transactions held at most'),
  'sender-max': count(100_000).default(8_192).describe('Transactions of one sender held at most'),
  'journal-sync': z
    .boolean()
    .default(false)
    .describe('Sync the journal to disk before answering (survives power loss, not only kill -9)'),
});

export const logSchema = z.strictObject({
  level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info').describe('Least level written'),
});

export const nodeSchema = z.strictObject({
  keystore: z.string().optional().describe('Web3 v3 key file of this validator; without one the node follows'),
  'password-file': z.string().optional().describe('File holding the password of the key file'),
  'slashing-protection': z
    .enum(['minimal', 'complete'])
    .default('minimal')
    .describe('What the signer remembers (EIP-3076): the furthest vote and block, or the newest 4096 of each'),
});

export const walletSchema = z.strictObject({
  'keystore-dir': z
    .string()
    .min(1, 'the name of a directory')
    .optional()
    .describe('Directory of the key files of accounts; without it `keystore` in the data directory'),
  scrypt: z
    .enum(['standard', 'light'])
    .default('standard')
    .describe('What it costs to try a password of a new key file; light is for tests'),
  'unlock-seconds-max': z
    .int()
    .min(0)
    .max(2_147_483)
    .default(0)
    .describe('Longest time in s that an account may be unlocked; 0: no bound, also for as long as the node runs'),
});

export const configSchema = z.strictObject({
  consensus: z
    .string()
    .default('poa')
    .describe('Engine: poa, pos, dpos, pbft, pow, or the path of a module that exports one (./my-engine.ts)'),
  nodes: count(64).default(4).describe('Nodes of the devnet, each its own process'),
  'chain-id': z
    .int()
    .min(1)
    .max(2 ** 48)
    .default(31337)
    .describe('Chain id (EIP-155)'),
  'block-time': z
    .int()
    .min(0)
    .max(3_600_000)
    .default(1000)
    .describe('ms between blocks (under pow on average); 0 makes one as soon as a transaction waits'),
  'gas-limit': z
    .int()
    .min(100_000)
    .max(2 ** 40)
    .default(60_000_000)
    .describe('Gas limit of a block'),
  'base-fee': z
    .string()
    .regex(/^\d{1,30}$/)
    .default('1000000000')
    .describe('Base fee of the first block, in wei'),
  accounts: z.int().min(0).max(10_000).default(10).describe('Funded accounts derived from the mnemonic'),
  balance: coins.default('10000').describe('Coins of each of them'),
  mnemonic: z.string().default(MNEMONIC).describe('BIP-39 phrase of the devnet; never one that holds real money'),
  'data-dir': z
    .string()
    .min(1, 'the name of a directory')
    .default('.parley')
    .describe('Where the nodes keep their data'),
  'rpc-port': port.default(8545).describe('RPC port of node 0; node i adds i'),
  'p2p-port': port.default(9000).describe('Peer-to-peer port of node 0; node i adds i'),
  devnet: z
    .boolean()
    .default(false)
    .describe('Written by `parley devnet`: keys come from the mnemonic and accounts are unlocked'),
  engine: z.record(z.string(), z.json()).default({}).describe('Parameters of the engine; see its README'),
  genesis: genesisSchema.prefault({}),
  rpc: rpcSchema.prefault({}),
  p2p: p2pSchema.prefault({}),
  mempool: mempoolSchema.prefault({}),
  log: logSchema.prefault({}),
  node: nodeSchema.prefault({}),
  wallet: walletSchema.prefault({}),
});

export type Config = z.output<typeof configSchema>;
export type ConfigInput = z.input<typeof configSchema>;
export const DEFAULT_MNEMONIC = MNEMONIC;
