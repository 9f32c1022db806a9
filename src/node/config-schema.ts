import { z } from 'zod';

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

export const rpcSchema = z.strictObject({
  host: z.string().default('127.0.0.1').describe('Address the RPC listens on'),
  hosts: z.array(z.string()).default([]).describe('More values of the Host header to accept than localhost'),
  'cors-origins': z.array(z.string()).default([]).describe('Web origins that may call; none by default'),
  namespaces: z
    .array(z.enum(['eth', 'net', 'web3', 'txpool', 'consensus', 'admin', 'rpc', 'personal']))
    .default(['eth', 'net', 'web3', 'txpool', 'consensus', 'admin', 'rpc'])
    .describe('Method families that are served'),
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
});

export type Config = z.output<typeof configSchema>;
export type ConfigInput = z.input<typeof configSchema>;
export const DEFAULT_MNEMONIC = MNEMONIC;
