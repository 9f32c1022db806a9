import { accountsFromMnemonic } from '../crypto/mnemonic.ts';
import type { Address, Bytes } from '../types/primitives.ts';
import type { Config } from './config-schema.ts';

export type KeyPair = { readonly address: Address; readonly privateKey: Bytes };

/** Users' accounts sit where every Ethereum wallet looks for them. */
export const ACCOUNTS_PATH = "m/44'/60'/0'/0";
/** Validators' keys are of the same phrase on a branch of their own, so that no account is a validator by accident. */
export const VALIDATORS_PATH = "m/44'/60'/1'/0";

export type DevKeys = {
  /** Funded accounts. */
  readonly accounts: readonly KeyPair[];
  /** One a node, on a devnet and where the configuration names none. */
  readonly validators: readonly KeyPair[];
};

/** Everything that follows from the phrase. */
export function devKeys(config: Config): DevKeys {
  const { mnemonic, devnet, genesis } = config;
  const derived = devnet || genesis.validators === undefined;
  return {
    accounts: accountsFromMnemonic(mnemonic, config.accounts, { path: ACCOUNTS_PATH }),
    validators: derived ? accountsFromMnemonic(mnemonic, config.nodes, { path: VALIDATORS_PATH }) : [],
  };
}
