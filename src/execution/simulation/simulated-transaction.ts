import { encodeUnsigned, type UnsignedTransaction } from '../../codec/transaction.ts';
import { keccak256 } from '../../crypto/keccak.ts';
import type { SimulatedCallRequest } from '../../node/api.ts';
import { ZERO_ADDRESS, ZERO_HASH } from '../../types/primitives.ts';
import type { Transaction } from '../../types/transaction.ts';

const NOTHING = new Uint8Array(0);

/** A call as a transaction that nobody signed. Throws CodecError for fields that no transaction of its type can have. */
export function simulatedTransaction(
  call: SimulatedCallRequest,
  rest: Pick<UnsignedTransaction, 'chainId' | 'nonce' | 'gasLimit'>,
): Transaction {
  const { from: sender = ZERO_ADDRESS, to = null, value = 0n, data = NOTHING, accessList = [] } = call;
  const unsigned: UnsignedTransaction = { ...rest, ...feesOf(call), to, value, data, accessList };
  const raw = encodeUnsigned(unsigned);
  return { ...unsigned, yParity: 0, v: 0n, r: ZERO_HASH, s: ZERO_HASH, hash: keccak256(raw), sender, raw };
}

/** A gas price makes it a transaction of the kind that has one, unless its type is named. */
function feesOf(
  call: SimulatedCallRequest,
): Pick<UnsignedTransaction, 'type' | 'maxFeePerGas' | 'maxPriorityFeePerGas'> {
  const { gasPrice, accessList } = call;
  const type = call.type ?? (gasPrice === undefined ? 2 : accessList === undefined ? 0 : 1);
  const maxFeePerGas = gasPrice ?? call.maxFeePerGas ?? 0n;
  const tip = gasPrice ?? call.maxPriorityFeePerGas ?? 0n;
  return { type, maxFeePerGas, maxPriorityFeePerGas: type === 2 ? tip : maxFeePerGas };
}
