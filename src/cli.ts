#!/usr/bin/env node
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { entryUrl } from './node/entry.ts';
import { prepareRuntime } from './node/runtime.ts';
import type { StakeOptions } from './node/stake-command.ts';
import { addWalletCommands } from './node/wallet-cli.ts';
import { ConfigError, errorText } from './util/errors.ts';
import { VERSION } from './version.ts';

/**
 * The command line. Exit codes: 0 stopped as asked, 1 failed while running, 2 wrong use or configuration. An error is one
 * line on stderr; its stack only under --verbose. Each command loads its own code only when it is called.
 */

function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('expected a whole number.');
  return Number(text);
}

function program(): Command {
  const root = new Command('parley')
    .description('A blockchain node with pluggable consensus.')
    .version(VERSION)
    .option('--verbose', 'print the stack of an error')
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  addDevnet(root);
  addNode(root);
  addInit(root);
  addWallet(root);
  addStake(root);
  addSim(root);
  addWarmUp(root);
  return root;
}

function addDevnet(root: Command): void {
  root
    .command('devnet')
    .description('start a local network of real nodes')
    .option('--consensus <engine>', 'poa | pos | dpos | pbft | pow | ./my-engine.ts (default: poa)')
    .option('--nodes <count>', 'nodes, each its own process (default: 4)', wholeNumber)
    .option('--config <file>', 'TOML configuration; flags win over it')
    .option('--data-dir <dir>', 'where the chain is kept; the same again continues it (default: .parley)')
    .option('--fresh', 'start over: delete the chain in the data directory first')
    .option('--rpc-port <port>', 'RPC port of node 0, node i adds i (default: 8545)', wholeNumber)
    .option('--p2p-port <port>', 'peer-to-peer port of node 0, node i adds i (default: 9000)', wholeNumber)
    .option(
      '--block-time <ms>',
      'ms between blocks; 0: one as soon as a transaction waits (default: 1000)',
      wholeNumber,
    )
    .option('--chain-id <id>', 'chain id (default: 31337)', wholeNumber)
    .option('--gas-limit <gas>', 'gas limit of a block (default: 60000000)', wholeNumber)
    .option('--accounts <count>', 'funded accounts (default: 10)', wholeNumber)
    .option('--balance <coins>', 'coins of each account (default: 10000)')
    .option('--mnemonic <phrase>', 'BIP-39 phrase of accounts and validators (default: test test … junk)')
    .option('--json', 'print JSON lines instead of text')
    .option('--verbose', 'print the stack of an error')
    .action(async (options: Record<string, string | number | boolean | undefined>) => {
      const { runDevnet } = await import('../devnet/launch.ts');
      const { config, fresh, json, verbose: _verbose, ...rest } = options;
      process.exitCode = await runDevnet({
        configFile: config as string | undefined,
        flags: kebabKeys(rest),
        fresh: fresh === true,
        json: json === true,
      });
    });
}

function addNode(root: Command): void {
  root
    .command('node')
    .description('run one node of a network')
    .requiredOption('--config <file>', 'TOML configuration of the network')
    .option('--index <i>', 'which node of a devnet this is (ports and keys follow from it)', wholeNumber)
    .option('--data-dir <dir>', 'where this node keeps its data')
    .option('--rpc-port <port>', 'RPC port', wholeNumber)
    .option('--p2p-port <port>', 'peer-to-peer port', wholeNumber)
    .option('--verbose', 'print the stack of an error')
    .action(async (options: Record<string, string | number | boolean | undefined>) => {
      const { runNodeProcess } = await import('./node/node-process.ts');
      const { loadConfig } = await import('./node/config.ts');
      const { nodeSettings } = await import('./node/settings.ts');
      const { config, index, verbose: _verbose, ...rest } = options;
      await runNodeProcess(index === undefined ? 'node' : `node ${String(index)}`, async () =>
        nodeSettings(loadConfig(config as string, kebabKeys(rest)), index as number | undefined),
      );
    });
}

function addInit(root: Command): void {
  root
    .command('init')
    .description('write a configuration file with every key, its default and what it means')
    .argument('[file]', 'file to write', 'parley.toml')
    .option('--schema', 'print the JSON Schema of the configuration instead')
    .option('--force', 'overwrite an existing file')
    .option('--verbose', 'print the stack of an error')
    .addHelpText('after', () => `\nThe file it writes:\n\n${templateForHelp()}`)
    .action(async (file: string, options: { schema?: boolean; force?: boolean }) => {
      const { runInit } = await import('./node/init.ts');
      runInit({ file, schema: options.schema === true, force: options.force === true });
    });
}

function addWallet(root: Command): void {
  const wallet = root
    .command('wallet')
    .description('accounts and key files, messages signed by them, and what validators have signed');
  addWalletCommands(wallet, wholeNumber);
  addSlashingProtection(wallet);
}

function addSlashingProtection(wallet: Command): void {
  const group = wallet
    .command('slashing-protection')
    .description('what validators have signed, in the interchange format of EIP-3076 (version 5)')
    .addHelpText(
      'after',
      `
The node must be stopped. Finality votes and blocks by slot are exchanged; records of other kinds (round-based votes of
PBFT, seals of authorities) have no place in the format and stay behind: move such a validator with its whole guard
directory. pubkey is the validator's address, genesis_validators_root the network's genesis hash.`,
    );
  const shared = (command: Command): Command =>
    command
      .option('--data-dir <dir>', 'where the network or the node keeps its data', '.parley')
      .option('--node <i>', 'which node of a devnet', wholeNumber)
      .option(
        '--genesis <hash>',
        'hash of block 0 of the network; needed only while there is no chain in the directory',
      )
      .option('--verbose', 'print the stack of an error');
  shared(group.command('export'))
    .description('write what the keys of a node have signed')
    .option('--key <address>', 'only of this validator: its address, or its compressed public key')
    .option('--minimal', 'the furthest vote and block of each key instead of all that is known')
    .option('--out <file>', 'file to write, never over another (default: standard output)')
    .action(
      async (options: {
        dataDir: string;
        node?: number;
        genesis?: string;
        key?: string;
        minimal?: true;
        out?: string;
      }) => {
        const { exportSlashingProtection } = await import('./node/slashing-protection.ts');
        await exportSlashingProtection(options);
      },
    );
  shared(group.command('import'))
    .description(
      'take in what keys have signed elsewhere, before they sign here; refused as a whole or done as a whole',
    )
    .argument('<file>', 'interchange file')
    .option('--accept-conflicts', 'where the file and the guard contradict each other, allow only what lies above both')
    .action(
      async (file: string, options: { dataDir: string; node?: number; genesis?: string; acceptConflicts?: true }) => {
        const { importSlashingProtection } = await import('./node/slashing-protection.ts');
        await importSlashingProtection(file, options);
      },
    );
}

const STAKE_VERBS = [
  ['top-up', 'add coins to the own stake of a validator', true],
  ['delegate', 'put coins behind a validator', true],
  ['undelegate', 'take delegated coins back; they can be withdrawn when the unbonding time is over', true],
  ['exit', 'ask for a validator to leave; its owner only', false],
  ['withdraw', 'pay out all that is due to the sender', false],
  ['unjail', 'bring a validator back whose time in jail is over; its owner only', false],
] as const;

function addStake(root: Command): void {
  const stake = root.command('stake').description('coins at stake: deposit, delegate, leave, withdraw, look');
  withValidatorKey(withSender(stake.command('deposit')))
    .description('put up the stake of a new validator, which the sender owns')
    .requiredOption('--amount <coins>', 'coins to deposit')
    .option('--commission <percent>', "what the validator keeps of its delegators' rewards", '0%')
    .action(async (options: StakeOptions) => {
      const { stakeDeposit } = await import('./node/stake-command.ts');
      await stakeDeposit(options);
    });
  for (const [verb, description, takesAmount] of STAKE_VERBS) {
    const command = withSender(stake.command(verb)).description(description).argument('<validator>', 'its address');
    const all = verb === 'undelegate' ? ', or all' : '';
    if (takesAmount) command.requiredOption('--amount <coins>', `how many coins${all}`);
    command.action(async (validator: string, options: StakeOptions) => {
      const { stakeAction } = await import('./node/stake-command.ts');
      await stakeAction(verb, validator, options);
    });
  }
  withValidatorKey(withNetwork(stake.command('proof')))
    .description("sign the proof of a validator's key that deposit() wants, to send it with another wallet")
    .argument('<owner>', 'address that will send the deposit')
    .action(async (owner: string, options: StakeOptions) => {
      const { stakeProof } = await import('./node/stake-command.ts');
      await stakeProof(owner, options);
    });
  withNetwork(stake.command('show'))
    .description('print the validators, or all about one')
    .argument('[validator]', 'its address')
    .action(async (validator: string | undefined, options: StakeOptions) => {
      const { showStake } = await import('./node/stake-report.ts');
      await showStake(validator, options);
    });
  withNetwork(stake.command('owed'))
    .description('print what somebody has with a validator, and what of it can be withdrawn')
    .argument('<validator>', 'its address')
    .argument('<address>', 'owner or delegator')
    .action(async (validator: string, who: string, options: StakeOptions) => {
      const { showOwed } = await import('./node/stake-report.ts');
      await showOwed(validator, who, options);
    });
}

function withNetwork(command: Command): Command {
  return command
    .option('--rpc <url>', 'RPC of a node of the network', 'http://127.0.0.1:8545')
    .option('--chain-id <id>', 'refuse any other network (default: take the one of the node)', wholeNumber)
    .option('--json', 'print JSON; amounts are in wei')
    .option('--verbose', 'print the stack of an error');
}

const MNEMONIC_HELP = 'the phrase itself, for devnets only: others can read arguments (default: test test … junk)';

function withSender(command: Command): Command {
  return withNetwork(command)
    .option('--keystore <file>', 'key file (Web3 Secret Storage v3) of the sender')
    .option('--password-file <file>', 'file that holds its password; passwords are never arguments')
    .option('--account <i>', 'devnet: send from this funded account', wholeNumber)
    .option('--as-validator <i>', "devnet: send with this validator's key, the owner of its stake", wholeNumber)
    .option('--mnemonic-file <file>', 'devnet: file that holds the BIP-39 phrase of its keys')
    .option('--mnemonic <phrase>', MNEMONIC_HELP)
    .option('--timeout <s>', 'seconds to wait for the block', wholeNumber, 60);
}

function withValidatorKey(command: Command): Command {
  const withKey = command
    .option('--validator-keystore <file>', 'key file of the validator')
    .option('--validator-password-file <file>', 'file that holds its password')
    .option('--validator-index <i>', "devnet: this validator's key", wholeNumber);
  const hasPhrase = withKey.options.some(({ long }) => long === '--mnemonic');
  if (hasPhrase) return withKey;
  return withKey
    .option('--mnemonic-file <file>', 'devnet: file that holds the BIP-39 phrase of its keys')
    .option('--mnemonic <phrase>', MNEMONIC_HELP);
}

/** Its options are its own: it says them itself. */
function addSim(root: Command): void {
  root
    .command('sim')
    .description('try an engine on simulated clusters with faults and liars (sim --help)')
    .helpOption(false)
    .allowUnknownOption()
    .argument('[options...]')
    .action(async (options: readonly string[]) => {
      const { runSim } = (await import(entryUrl('sim').href)) as {
        readonly runSim: (args: readonly string[], command: string) => Promise<number>;
      };
      process.exitCode = await runSim(options, 'parley sim');
    });
}

/** Run once after an installation, by the package's `prepare` script. */
function addWarmUp(root: Command): void {
  root
    .command('warm-up', { hidden: true })
    .description('compile everything once, so that the first start is as fast as the others')
    .action(async () => {
      await import('../devnet/launch.ts');
      const { isWarm } = await import('./node/warm-up.ts');
      process.exitCode = isWarm ? 0 : 1;
    });
}

let templateText = '';
function templateForHelp(): string {
  return templateText;
}

/** commander camel-cases; the configuration's keys are kebab-case. */
function kebabKeys(
  options: Record<string, string | number | boolean | undefined>,
): Record<string, string | number | boolean | undefined> {
  return Object.fromEntries(
    Object.entries(options).map(([key, value]) => [
      key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
      value,
    ]),
  );
}

async function main(argv: readonly string[]): Promise<void> {
  try {
    if (argv.includes('init')) {
      const { configTemplate } = await import('./node/config.ts');
      templateText = configTemplate();
    }
    await program().parseAsync([...argv]);
  } catch (error) {
    process.exitCode = fail(error, argv.includes('--verbose'));
  }
}

function fail(error: unknown, verbose: boolean): number {
  if (error instanceof CommanderError) {
    // Help and version end through here as well, with 0.
    if (error.exitCode === 0) return 0;
    const isHelp = error.code === 'commander.help';
    process.stderr.write(
      `parley: ${isHelp ? 'name a command; parley --help tells which' : error.message.replace(/^error: /, '')}\n`,
    );
    return 2;
  }
  process.stderr.write(`parley: ${errorText(error)}\n`);
  if (verbose && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  return error instanceof ConfigError ? 2 : 1;
}

/** Who reads our output may go away (`| head`): what is left of the work is done all the same, and nobody is told. */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}

prepareRuntime();
outliveReaders();
await main(process.argv);
