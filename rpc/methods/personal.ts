/**
 * personal_: the keystore accounts of this node, with the names and shapes that geth gave them. Passwords and raw keys come in here and are
 * in no answer and no error. personal_sign is with the other signatures, in accounts.ts.
 */
import type { Accounts, SendRequest, WalletApi } from '../../src/node/api.ts';
import { recoverTransaction } from '../../src/codec/transaction.ts';
import { recoverPersonalMessage } from '../../src/crypto/personal-message.ts';
import type { Bytes, Hex, JsonValue } from '../../src/types/primitives.ts';
import { ParleyError } from '../../src/util/errors.ts';
import { fromHex, toHex } from '../../src/util/hex.ts';
import { sendRequest } from '../call-params.ts';
import { INVALID_INPUT, invalidParams, METHOD_NOT_SUPPORTED, TRANSACTION_REJECTED } from '../errors.ts';
import { formatPooled } from '../format.ts';
import { define, param, type MethodTable } from '../method.ts';
import { ADDRESS, BYTES, HEX, NUMBER, TEXT, WHOLE } from '../params.ts';
import { byKind, optional, text, type ParamType } from '../schema/param-type.ts';
import {
  ADDRESS_RESULT,
  DATA_RESULT,
  FLAG_RESULT,
  HASH_RESULT,
  listOf,
  shape,
  TEXT_RESULT,
  TRANSACTION_RESULT,
} from '../schema/results.ts';
import type { MethodContext } from './context.ts';

/** As geth's. */
const UNLOCK_SECONDS_DEFAULT = 300;

/** With the prefix or (as geth wants it) without. A refusal does not repeat it. */
const PRIVATE_KEY: ParamType<Bytes> = text(
  /^(?:0x)?[0-9a-fA-F]{64}$/,
  { what: 'privateKey', must: '32 bytes of hex' },
  (found) => fromHex(found.startsWith('0x') ? (found as Hex) : `0x${found}`),
);

/** A JSON number, as geth takes it, or a quantity. */
const SECONDS: ParamType<number> = byKind(
  [(value) => typeof value === 'number', WHOLE],
  [(value) => typeof value === 'string', NUMBER],
);

const ACCOUNT = param('address', ADDRESS);
const PASSWORD = param('password', TEXT);
const WALLETS_RESULT = listOf(
  shape({
    url: TEXT_RESULT,
    status: { enum: ['Locked', 'Unlocked'] },
    accounts: listOf(shape({ address: ADDRESS_RESULT, url: TEXT_RESULT })),
  }),
);
const errors = [INVALID_INPUT, METHOD_NOT_SUPPORTED];

export function personalMethods(context: MethodContext): MethodTable {
  return { ...keyMethods(context), ...signingMethods(context) };
}

function keyMethods({ node }: MethodContext): MethodTable {
  const wallet = (): WalletApi => walletOf(node.wallet);
  return {
    personal_newAccount: define({
      summary: 'Makes a key and encrypts it under the password.',
      params: [PASSWORD],
      result: ADDRESS_RESULT,
      errors,
      handle: ([password]) => wallet().create(password),
    }),
    personal_importRawKey: define({
      summary: 'Encrypts a private key under the password.',
      params: [param('privateKey', PRIVATE_KEY), PASSWORD],
      result: ADDRESS_RESULT,
      errors,
      handle: ([privateKey, password]) => wallet().importKey(privateKey, password),
    }),
    personal_listAccounts: define({
      summary: 'Accounts that this node signs for, locked ones too.',
      params: [],
      result: listOf(ADDRESS_RESULT),
      handle: () => node.accounts?.list() ?? [],
    }),
    personal_listWallets: define({
      summary: 'Key files, with the state of their accounts.',
      params: [],
      result: WALLETS_RESULT,
      handle: () => listWallets(node.wallet),
    }),
    personal_unlockAccount: define({
      summary: 'Opens an account for so many seconds: 300 if left out, 0 for as long as the node runs.',
      params: [ACCOUNT, PASSWORD, param('duration', optional(SECONDS, UNLOCK_SECONDS_DEFAULT))],
      result: FLAG_RESULT,
      errors,
      handle: async ([address, password, durationSeconds]) => {
        await wallet().unlock(address, password, durationSeconds);
        return true;
      },
    }),
    personal_lockAccount: define({
      summary: 'Locks an account; false where there is none.',
      params: [ACCOUNT],
      result: FLAG_RESULT,
      errors,
      handle: ([address]) => wallet().lock(address),
    }),
  };
}

function signingMethods({ node }: MethodContext): MethodTable {
  const accounts = (): Accounts => {
    if (node.accounts !== null) return node.accounts;
    throw withoutWallet();
  };
  const signTransaction = async (request: SendRequest, password: string): Promise<JsonValue> => {
    const raw = await accounts().signTransaction(request, password);
    return { raw: toHex(raw), tx: formatPooled(recoverTransaction(raw)) };
  };
  const transaction = param('transaction', sendRequest(node.chainId));
  return {
    personal_sendTransaction: define({
      summary: 'Fills in what is missing, signs with the password and submits; the account stays locked.',
      params: [transaction, PASSWORD],
      result: HASH_RESULT,
      errors: [...errors, TRANSACTION_REJECTED],
      handle: ([request, password]) => accounts().send(request, password),
    }),
    personal_signTransaction: define({
      summary: 'Fills in what is missing and signs with the password; nothing is sent.',
      params: [transaction, PASSWORD],
      result: shape({ raw: DATA_RESULT, tx: TRANSACTION_RESULT }),
      errors,
      handle: ([request, password]) => signTransaction(request, password),
    }),
    personal_ecRecover: define({
      summary: 'Who signed a personal message (EIP-191).',
      params: [param('message', BYTES), param('signature', HEX)],
      result: ADDRESS_RESULT,
      handle: ([message, signature]) => ecRecover(message, signature),
    }),
  };
}

/** Throws RPC_UNSUPPORTED where the node has no wallet. */
export function walletOf(wallet: WalletApi | null): WalletApi {
  if (wallet !== null) return wallet;
  throw withoutWallet();
}

function withoutWallet(): ParleyError {
  return new ParleyError('RPC_UNSUPPORTED', 'this node has no wallet: sign yourself and use eth_sendRawTransaction');
}

/** One wallet for each key file, as geth has them; the url names the file and not where it lies. */
function listWallets(wallet: WalletApi | null): JsonValue {
  const accounts = wallet?.accounts() ?? [];
  return accounts.map(({ address, file, isUnlocked }) => {
    const url = `keystore://${file}`;
    return { url, status: isUnlocked ? 'Unlocked' : 'Locked', accounts: [{ address, url }] };
  });
}

function ecRecover(message: Bytes, signature: Hex): JsonValue {
  const address = recoverPersonalMessage(message, signature);
  if (address !== null) return address;
  throw invalidParams(1, '`signature` must be 65 bytes that a key can have made, the last of them 27 or 28');
}
