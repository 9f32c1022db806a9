import { accountsFromMnemonic } from '../crypto/mnemonic.ts';
import type { Address, Bytes } from '../types/primitives.ts';
import type { Config } from './config-schema.ts';

export type KeyPair = { readonly address: Address; readonly privateKey: Bytes };

/** Users' accounts sit where every Ethereum wallet looks for them. */
export const ACCOUNTS_PATH = "m/44'/60'/0'/0";
/** Validators' keys are of the same phrase on a branch of their own, so that no account is a validator by accident. */
export const VALIDATORS_PATH = "m/44'/60'/1'/0";

/** Funded, unlocked accounts of a devnet. */
export function devAccountKeys(config: Config): readonly KeyPair[] {
  return accountsFromMnemonic(config.mnemonic, config.accounts, { path: ACCOUNTS_PATH });
}

/** One validator a node. */
export function devValidatorKeys(config: Config): readonly KeyPair[] {
  return accountsFromMnemonic(config.mnemonic, config.nodes, { path: VALIDATORS_PATH });
}
