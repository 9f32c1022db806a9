import type { Command } from 'commander';
import type { ImportOptions, MessageOptions, NewOptions } from './wallet-command.ts';

type WholeNumber = (text: string) => number;
type KeyOptions = { readonly keystore: string; readonly passwordFile?: string };

/** Where a node keeps its accounts that was given no other directory. */
const KEYSTORE_DEFAULT = '.parley/keystore';

/** The commands of `parley wallet` for keys and messages. Their code is loaded when one is called. */
export function addWalletCommands(wallet: Command, wholeNumber: WholeNumber): void {
  addKeyCommands(wallet, wholeNumber);
  addMessageCommands(wallet);
}

function addKeyCommands(wallet: Command, wholeNumber: WholeNumber): void {
  withPassword(withDirectory(wallet.command('new')))
    .description('create an account in a key directory, or a key file for a validator')
    .option('--out <file>', 'write this key file instead, never over another, and print its address')
    .option('--mnemonic', 'make a phrase (BIP-39), print it once, and write its first accounts')
    .option('--words <count>', 'words of the phrase, 12 or 24', wholeNumber, 12)
    .option('--count <n>', 'accounts of the phrase', wholeNumber, 1)
    .action(async (options: NewOptions) => {
      const { newWallet } = await import('./wallet-command.ts');
      await newWallet(options);
    });
  withPassword(withDirectory(wallet.command('import')))
    .description('encrypt a key, the accounts of a phrase, or the key of another keystore into a key directory')
    .option('--private-key-file <file>', 'file that holds a private key in hex')
    .option('--keystore-file <file>', 'key file (Web3 Secret Storage v3) of another wallet; keeps its password')
    .option('--mnemonic-file <file>', 'file that holds a BIP-39 phrase of English words')
    .option('--passphrase-file <file>', 'file that holds the passphrase of the phrase, where it has one')
    .option('--path <path>', "BIP-32 path; the account's index follows (default: m/44'/60'/0'/0)")
    .option('--count <n>', 'accounts of the phrase (default: 1)', wholeNumber)
    .action(async (options: ImportOptions) => {
      const { importWallet } = await import('./wallet-command.ts');
      await importWallet(options);
    });
  withDirectory(wallet.command('list'))
    .description('print addresses and key files')
    .action(async (options: KeyOptions) => {
      const { listWallet } = await import('./wallet-command.ts');
      listWallet(options);
    });
  withDirectory(wallet.command('show'))
    .description('print the key file of an account')
    .argument('<address>')
    .action(async (address: string, options: KeyOptions) => {
      const { showWallet } = await import('./wallet-command.ts');
      showWallet(address, options);
    });
  withPassword(withDirectory(wallet.command('change-password')))
    .description('encrypt an account under another password')
    .argument('<address>')
    .option('--new-password-file <file>', 'file that holds the new password')
    .action(async (address: string, options: KeyOptions & { readonly newPasswordFile?: string }) => {
      const { changeWalletPassword } = await import('./wallet-command.ts');
      await changeWalletPassword(address, options);
    });
}

function addMessageCommands(wallet: Command): void {
  withMessage(withPassword(withDirectory(wallet.command('sign-message'))))
    .description('print the signature of a message (EIP-191) by an account')
    .argument('<address>')
    .action(async (address: string, options: KeyOptions & MessageOptions) => {
      const { signWalletMessage } = await import('./wallet-command.ts');
      await signWalletMessage(address, options);
    });
  withMessage(wallet.command('recover'))
    .description('print who signed a message')
    .requiredOption('--signature <hex>', 'its signature')
    .option('--verbose', 'print the stack of an error')
    .action(async (options: MessageOptions & { readonly signature: string }) => {
      const { recoverWalletMessage } = await import('./wallet-command.ts');
      recoverWalletMessage(options);
    });
}

function withDirectory(command: Command): Command {
  return command
    .option('--keystore <dir>', 'key directory; that of a node is `keystore` in its data directory', KEYSTORE_DEFAULT)
    .option('--verbose', 'print the stack of an error');
}

function withPassword(command: Command): Command {
  return command.option('--password-file <file>', 'file that holds the password; without one it is asked for');
}

function withMessage(command: Command): Command {
  return command
    .option('--message <text>', 'the message')
    .option('--message-file <file>', 'file that holds the message');
}
