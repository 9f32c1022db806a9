import { toChecksumAddress } from '../src/crypto/checksum.ts';
import type { Config } from '../src/node/config-schema.ts';
import { DEFAULT_MNEMONIC } from '../src/node/config-schema.ts';
import type { KeyPair } from '../src/node/dev-keys.ts';
import type { Address } from '../src/types/primitives.ts';
import { toHex } from '../src/util/hex.ts';

export type ReadyNode = {
  readonly index: number;
  readonly rpc: string;
  readonly ws: string;
  readonly p2p: string;
  readonly pid: number;
  readonly validator: Address | null;
};

export type Ready = {
  /** The engine's id, also where it came from a module. */
  readonly consensus: string;
  readonly config: Config;
  readonly nodes: readonly ReadyNode[];
  readonly accounts: readonly KeyPair[];
  readonly elapsedMs: number;
  readonly created: boolean;
};

/** What the person or the script at the other end of stdout sees. */
export interface Output {
  ready(ready: Ready): void;
  exited(index: number, how: string): void;
  stopped(): void;
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** One JSON object a line; the ready one is part of the command line's contract. */
export const jsonOutput: Output = {
  ready: ({ config, consensus, nodes, accounts }) =>
    print(
      JSON.stringify({
        event: 'ready',
        chainId: config['chain-id'],
        consensus,
        nodes,
        accounts: accounts.map(({ address }) => address),
      }),
    ),
  exited: (index, how) => print(JSON.stringify({ event: 'exit', index, how })),
  stopped: () => print(JSON.stringify({ event: 'stopped' })),
};

export const textOutput: Output = {
  ready: (ready) => print(readyText(ready)),
  exited: (index, how) =>
    print(
      `Node ${index} ended (${how}). Start it again with: parley node --config <data-dir>/devnet.toml --index ${index}`,
    ),
  stopped: () => print('Stopped. The chain is kept; the same command continues it, --fresh starts over.'),
};

function readyText({ config, consensus, nodes, accounts, elapsedMs, created }: Ready): string {
  const lines = [
    '',
    `Parley devnet: ${consensus}, ${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'}, chain id ${config['chain-id']}`,
    '',
    'Node  RPC (HTTP and WebSocket)  Validator                                   Peer-to-peer',
  ];
  for (const node of nodes) {
    const validator = node.validator === null ? '-' : toChecksumAddress(node.validator);
    lines.push(`${String(node.index).padEnd(4)}  ${node.rpc.padEnd(24)}  ${validator.padEnd(42)}  ${node.p2p}`);
  }
  if (accounts.length > 0) {
    lines.push('', `Account                                     Private key (${config.balance} coins each)`);
    for (const { address, privateKey } of accounts) lines.push(`${toChecksumAddress(address)}  ${toHex(privateKey)}`);
    const known = config.mnemonic === DEFAULT_MNEMONIC;
    lines.push('', known ? `Phrase: ${config.mnemonic}` : 'Phrase: as given');
    lines.push(
      known
        ? 'These keys are public knowledge: never send real money to them.'
        : 'Keys of a devnet: never send real money to them.',
    );
  }
  lines.push(
    '',
    `Ready in ${(elapsedMs / 1000).toFixed(1)} s. ${created ? 'New chain' : 'Chain continued'} in ${config['data-dir']}, logs in ${config['data-dir']}/node-*/node.log. Ctrl-C stops.`,
  );
  return lines.join('\n');
}
