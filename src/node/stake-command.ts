import type { AbiValue } from '../codec/abi.ts';
import { toChecksumAddress } from '../crypto/checksum.ts';
import { signDigest } from '../crypto/secp256k1.ts';
import { EVERYTHING } from '../execution/staking/operations.ts';
import { possessionDigest } from '../execution/staking/possession.ts';
import type { Address, JsonObject } from '../types/primitives.ts';
import { ConfigError } from '../util/errors.ts';
import { toHex } from '../util/hex.ts';
import { coinsText, stakeAddress, stakeAmount, stakeCommission } from './stake-amount.ts';
import { StakeContract } from './stake-contract.ts';
import { senderKey, validatorKey, type SenderOptions, type ValidatorKeyOptions } from './stake-keys.ts';
import { sendStake, type StakeCall, type StakeReceipt } from './stake-send.ts';

export type NetworkOptions = {
  readonly rpc: string;
  readonly chainId?: number | undefined;
  readonly json?: boolean | undefined;
};

type SendOptions = NetworkOptions & SenderOptions & { readonly timeout: number };

export type StakeOptions = SendOptions &
  ValidatorKeyOptions & { readonly amount?: string; readonly commission?: string };

/** Function of the contract, and what the command line says it did. */
const VERBS = {
  'top-up': { name: 'topUp', done: 'topped up' },
  delegate: { name: 'delegate', done: 'delegated to' },
  undelegate: { name: 'undelegate', done: 'undelegated from' },
  exit: { name: 'requestExit', done: 'requested the exit of' },
  withdraw: { name: 'withdraw', done: 'withdrew from' },
  unjail: { name: 'unjail', done: 'unjailed' },
} as const;

export type StakeVerb = keyof typeof VERBS;

/** `parley stake deposit`: the sender is the owner. Throws ConfigError, or what StakeContract.open and sendStake throw. */
export async function stakeDeposit(options: StakeOptions): Promise<void> {
  const valueWei = stakeAmount(options.amount ?? '', '--amount');
  const commissionBps = stakeCommission(options.commission ?? '0%');
  const timeoutMs = timeoutOf(options);
  const [sender, validator] = [await senderKey(options), await validatorKey(options)];
  const contract = await StakeContract.open(options.rpc, options.chainId);
  const proof = signDigest(possessionDigest(contract.chainId, sender.address), validator.privateKey);
  const call = { name: 'deposit', args: [validator.address, proof, BigInt(commissionBps)], valueWei };
  const receipt = await sendStake(contract, sender, { call, timeoutMs });
  report(options, receipt, {
    text: `deposited ${coinsText(valueWei)} coins for validator ${toChecksumAddress(validator.address)}, owner ${toChecksumAddress(sender.address)}`,
    fields: { validator: validator.address, owner: sender.address, amount: valueWei.toString() },
  });
}

/** `parley stake top-up` and the like. Throws as `stakeDeposit`. */
export async function stakeAction(verb: StakeVerb, validatorText: string, options: StakeOptions): Promise<void> {
  const validator = stakeAddress(validatorText, '<validator>');
  const { name, done } = VERBS[verb];
  const { call, amountWei } = callOf(name, validator, options);
  const timeoutMs = timeoutOf(options);
  const sender = await senderKey(options);
  const contract = await StakeContract.open(options.rpc, options.chainId);
  const receipt = await sendStake(contract, sender, { call, timeoutMs });
  const moved = amountWei ?? amountMoved(receipt);
  report(options, receipt, {
    text: `${done} validator ${toChecksumAddress(validator)}${moved === null ? '' : `: ${coinsText(moved)} coins`}`,
    fields: { validator, sender: sender.address, ...(moved === null ? {} : { amount: moved.toString() }) },
  });
}

/**
 * `parley stake proof`: what `deposit` of the contract wants to see of the validator's key, for owners who send it with another wallet. With
 * --chain-id no node is asked.
 */
export async function stakeProof(
  ownerText: string,
  options: ValidatorKeyOptions & Pick<NetworkOptions, 'rpc' | 'chainId' | 'json'>,
): Promise<void> {
  const owner = stakeAddress(ownerText, '<owner>');
  const { address, privateKey } = await validatorKey(options);
  const chainId = options.chainId ?? (await StakeContract.open(options.rpc, undefined)).chainId;
  const proof = toHex(signDigest(possessionDigest(chainId, owner), privateKey));
  const fields = { validator: address, owner, chainId, proof };
  if (options.json === true) process.stdout.write(`${JSON.stringify(fields)}\n`);
  else process.stdout.write(`validator ${toChecksumAddress(address)}\nproof     ${proof}\n`);
}

/** `amountWei`: null where the contract says how much it was. */
function callOf(
  name: string,
  validator: Address,
  { amount }: StakeOptions,
): { readonly call: StakeCall; readonly amountWei: bigint | null } {
  if (amount === undefined) return { call: { name, args: [validator], valueWei: 0n }, amountWei: null };
  if (name !== 'undelegate') {
    const valueWei = stakeAmount(amount, '--amount');
    return { call: { name, args: [validator], valueWei }, amountWei: valueWei };
  }
  const isAll = amount === 'all';
  const wei = isAll ? EVERYTHING : stakeAmount(amount, '--amount');
  const args: AbiValue[] = [validator, wei];
  return { call: { name, args, valueWei: 0n }, amountWei: isAll ? null : wei };
}

/** The first word of an event with an amount is the amount. */
function amountMoved({ logs }: StakeReceipt): bigint | null {
  const [word] = /^0x[0-9a-fA-F]{64}/.exec(logs[0]?.data ?? '') ?? [];
  return word === undefined ? null : BigInt(word);
}

function timeoutOf({ timeout }: SendOptions): number {
  if (timeout >= 1 && timeout <= 3600) return timeout * 1000;
  throw new ConfigError(`--timeout ${timeout}: expected seconds from 1 to 3600`, { path: '--timeout' });
}

function report(
  { json }: NetworkOptions,
  { hash, blockNumber, gasUsed, feeWei }: StakeReceipt,
  { text, fields }: { readonly text: string; readonly fields: JsonObject },
): void {
  if (json === true) {
    const all = { ...fields, hash, blockNumber, gasUsed: gasUsed.toString(), fee: feeWei.toString() };
    process.stdout.write(`${JSON.stringify(all)}\n`);
    return;
  }
  process.stdout.write(`${text}\ntransaction ${hash} in block ${blockNumber}, fee ${coinsText(feeWei)} coins\n`);
}
