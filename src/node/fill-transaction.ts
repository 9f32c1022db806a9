import type { UnsignedTransaction } from '../codec/transaction.ts';
import type { NodeApi, SendRequest } from './api.ts';

const TIP_DEFAULT = 1_000_000_000n;

export type FillModules = Pick<NodeApi, 'chainId' | 'chain' | 'pool' | 'estimateGas'>;

type Fees = Pick<UnsignedTransaction, 'type' | 'maxFeePerGas' | 'maxPriorityFeePerGas'>;

/**
 * Everything that a transaction needs beside a signature, as of the head. The nonce is chosen last, so that nothing comes between it and
 * the signature. Throws as `estimateGas`.
 */
export async function fillTransaction(node: FillModules, request: SendRequest): Promise<UnsignedTransaction> {
  const head = node.chain.head();
  const fees = feesOf(request, () => node.chain.nextBaseFee(head));
  const to = request.to ?? null;
  const data = request.data ?? Buffer.alloc(0);
  const call = { from: request.from, to, data, value: request.value ?? 0n, accessList: request.accessList ?? [] };
  const gasLimit = request.gasLimit ?? (await node.estimateGas(call, head));
  return {
    type: fees.type,
    chainId: node.chainId,
    nonce: request.nonce ?? node.pool.pendingNonce(request.from),
    gasLimit,
    maxFeePerGas: fees.maxFeePerGas,
    maxPriorityFeePerGas: fees.maxPriorityFeePerGas,
    to,
    value: call.value,
    data,
    accessList: call.accessList,
  };
}

/** Twice the base fee leaves room for six full blocks before a transaction must wait. */
function feesOf(request: SendRequest, nextBaseFee: () => bigint): Fees {
  if (request.gasPrice !== undefined) {
    const type = request.type ?? (request.accessList === undefined ? 0 : 1);
    return { type, maxFeePerGas: request.gasPrice, maxPriorityFeePerGas: request.gasPrice };
  }
  const type = request.type ?? 2;
  const ceiling = request.maxFeePerGas ?? nextBaseFee() * 2n + (request.maxPriorityFeePerGas ?? TIP_DEFAULT);
  const tip = request.maxPriorityFeePerGas ?? (ceiling < TIP_DEFAULT ? ceiling : TIP_DEFAULT);
  return { type, maxFeePerGas: ceiling, maxPriorityFeePerGas: type === 2 ? tip : ceiling };
}
