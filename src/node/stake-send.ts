import { signTransaction } from '../codec/transaction.ts';
import { keccak256 } from '../crypto/keccak.ts';
import { STAKING_ADDRESS } from '../execution/rules.ts';
import { stakingCallData } from '../execution/staking/contract.ts';
import type { AbiValue } from '../codec/abi.ts';
import type { JsonObject, JsonValue } from '../types/primitives.ts';
import { errorCode, errorText, ParleyError } from '../util/errors.ts';
import { toHex } from '../util/hex.ts';
import type { KeyPair } from './dev-keys.ts';
import { reasoned, type StakeContract } from './stake-contract.ts';
import { isObject, quantityOf } from './stake-rpc.ts';

export type StakeCall = { readonly name: string; readonly args: readonly AbiValue[]; readonly valueWei: bigint };

export type StakeReceipt = {
  readonly hash: string;
  readonly blockNumber: number;
  readonly gasUsed: bigint;
  readonly feeWei: bigint;
  /** Of each log of the staking contract. */
  readonly logs: readonly { readonly topics: readonly string[]; readonly data: string }[];
};

const TIP_WEI = 1_000_000_000n;
/** The queues may have moved between the estimate and the block. */
const GAS_MARGIN_PERCENT = 150n;
const RECEIPT_INTERVAL_MS = 200;

/**
 * Signs a call of the staking contract, sends it and waits until it is in a block. Throws STAKE_REFUSED with the contract's reason, before
 * anything is sent where it is known by then; RECEIPT_LATE when the time is up; or what StakeRpc throws. From the sending on every error
 * names the transaction, in `data.hash` as well: whoever sends again without looking pays twice.
 */
export async function sendStake(
  contract: StakeContract,
  sender: KeyPair,
  { call, timeoutMs }: { readonly call: StakeCall; readonly timeoutMs: number },
): Promise<StakeReceipt> {
  const { rpc, chainId } = contract;
  const data = stakingCallData(call.name, call.args);
  const request = { from: sender.address, to: STAKING_ADDRESS, data: toHex(data), value: hexOf(call.valueWei) };
  const gas = quantityOf(await reasoned(() => rpc.call('eth_estimateGas', request)), 'gas estimate');
  const block = await rpc.call('eth_getBlockByNumber', 'latest', false);
  const baseFee = quantityOf(isObject(block) ? block['baseFeePerGas'] : undefined, 'base fee');
  const nonce = quantityOf(await rpc.call('eth_getTransactionCount', sender.address, 'pending'), 'nonce');
  const raw = signTransaction(
    {
      type: 2,
      chainId,
      nonce: Number(nonce),
      gasLimit: Number((gas * GAS_MARGIN_PERCENT) / 100n),
      // Twice the base fee leaves room for six full blocks before it must wait.
      maxFeePerGas: baseFee * 2n + TIP_WEI,
      maxPriorityFeePerGas: TIP_WEI,
      to: STAKING_ADDRESS,
      value: call.valueWei,
      data,
      accessList: [],
    },
    sender.privateKey,
  );
  const hash = keccak256(raw);
  try {
    await rpc.call('eth_sendRawTransaction', toHex(raw));
    const receipt = await receiptOf(contract, hash, timeoutMs);
    if (receipt['status'] !== '0x1') throw await failure(contract, { request, hash, receipt });
    return readReceipt(hash, receipt);
  } catch (error) {
    throw withHash(error, hash);
  }
}

/** The node may have the transaction even where it did not answer, or answered with an error. */
function withHash(error: unknown, hash: string): ParleyError {
  const data = error instanceof ParleyError ? error.data : {};
  if (error instanceof ParleyError && data['hash'] === hash) return error;
  const message = `${errorText(error)}; sent as ${hash}; look it up before sending again`;
  return new ParleyError(errorCode(error), message, { ...data, hash }, { cause: error });
}

async function receiptOf({ rpc }: StakeContract, hash: string, timeoutMs: number): Promise<JsonObject> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    // A node that is restarted meanwhile does not answer for a while; what was sent is not lost by it.
    const receipt = await rpc.call('eth_getTransactionReceipt', hash).catch((error: unknown) => {
      if (errorCode(error) !== 'RPC_UNREACHABLE' || performance.now() >= deadlineMs) throw error;
      return null;
    });
    if (isObject(receipt)) return receipt;
    if (performance.now() >= deadlineMs) {
      const message = `transaction ${hash} is in no block after ${timeoutMs / 1000} s; it may still come, so look for its receipt before you send again`;
      throw new ParleyError('RECEIPT_LATE', message, { hash });
    }
    await new Promise((wake) => setTimeout(wake, RECEIPT_INTERVAL_MS));
  }
}

/** A receipt does not say why; the same call on the state before its block does, unless others of that block decided it. */
async function failure(
  { rpc }: StakeContract,
  sent: { readonly request: JsonObject; readonly hash: string; readonly receipt: JsonObject },
): Promise<ParleyError> {
  const number = quantityOf(sent.receipt['blockNumber'], 'block number');
  const why = await reasoned(() => rpc.call('eth_call', sent.request, hexOf(number - 1n))).then(
    () => 'it ran out of gas, or what came before it in the block changed the outcome',
    (error: unknown) => (error instanceof ParleyError && error.code === 'STAKE_REFUSED' ? error.message : 'unknown'),
  );
  const message = `transaction ${sent.hash} failed in block ${number} and cost its gas: ${why}`;
  return new ParleyError('STAKE_REFUSED', message, { hash: sent.hash });
}

function readReceipt(hash: string, receipt: JsonObject): StakeReceipt {
  const gasUsed = quantityOf(receipt['gasUsed'], 'gas used');
  const logs: JsonValue = receipt['logs'] ?? [];
  return {
    hash,
    blockNumber: Number(quantityOf(receipt['blockNumber'], 'block number')),
    gasUsed,
    feeWei: gasUsed * quantityOf(receipt['effectiveGasPrice'], 'gas price'),
    logs: (Array.isArray(logs) ? (logs as readonly JsonValue[]) : []).filter(isObject).flatMap(({ topics, data }) => {
      const isLog = Array.isArray(topics) && typeof data === 'string';
      return isLog ? [{ topics: (topics as readonly JsonValue[]).map(String), data }] : [];
    }),
  };
}

function hexOf(value: bigint): string {
  return `0x${value.toString(16)}`;
}
