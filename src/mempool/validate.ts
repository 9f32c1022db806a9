import { INIT_CODE_SIZE_BYTES_MAX } from '../execution/rules.ts';
import { EMPTY_CODE_HASH } from '../types/account.ts';
import type { Account } from '../types/account.ts';
import type { Transaction, TransactionOrigin } from '../types/transaction.ts';
import type { MempoolLimits } from './limits.ts';
import { costOf } from './pool-entry.ts';
import type { PoolEntry } from './pool-entry.ts';
import { refuse, refuseFigures } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import type { SenderQueue } from './sender-queue.ts';

export type StatelessRules = {
  readonly chainId: number;
  readonly blockGasLimit: number;
  readonly intrinsicGas: (transaction: Transaction) => number;
};

/** What can be said without the sender's account. `baseFee` null: a fee cap below it is no objection. */
export function checkStateless(tx: Transaction, rules: StatelessRules, baseFee: bigint | null): Refusal | null {
  if (tx.chainId !== null && tx.chainId !== rules.chainId) {
    return refuseFigures('POOL_WRONG_CHAIN', 'invalid chain id', tx.chainId, rules.chainId);
  }
  if (tx.gasLimit > rules.blockGasLimit) {
    return refuseFigures('POOL_GAS_LIMIT', 'exceeds block gas limit', tx.gasLimit, rules.blockGasLimit, 'at most ');
  }
  if (tx.to === null && tx.data.length > INIT_CODE_SIZE_BYTES_MAX) {
    const words = 'max initcode size exceeded';
    return refuseFigures('POOL_INIT_CODE_SIZE', words, tx.data.length, INIT_CODE_SIZE_BYTES_MAX, 'at most ');
  }
  const gas = rules.intrinsicGas(tx);
  if (tx.gasLimit < gas) {
    return refuseFigures('POOL_INTRINSIC_GAS', 'intrinsic gas too low', tx.gasLimit, gas, 'at least ');
  }
  if (baseFee !== null && tx.maxFeePerGas < baseFee) {
    const words = 'max fee per gas less than block base fee';
    return refuseFigures('POOL_FEE_BELOW_BASE', words, tx.maxFeePerGas, baseFee, 'at least ');
  }
  return null;
}

export type StateCheck = {
  readonly account: Account;
  readonly queue: SenderQueue | undefined;
  readonly limits: MempoolLimits;
  readonly origin: TransactionOrigin;
};

/** What needs the sender's account and its other transactions. Everything this answers may change while the lock is not held. */
export function checkState(tx: Transaction, check: StateCheck): Refusal | null {
  const { account, queue, limits, origin } = check;
  if (account.codeHash !== EMPTY_CODE_HASH) {
    return refuse('POOL_SENDER_NOT_EOA', 'sender not an eoa: accounts with code send no transactions', {
      sender: tx.sender,
    });
  }
  if (tx.nonce < account.nonce) {
    return refuseFigures('POOL_NONCE_TOO_LOW', 'nonce too low', tx.nonce, account.nonce, 'at least ');
  }
  const existing = queue?.get(tx.nonce);
  const bounded = origin === 'local' || origin === 'gossip';
  if (existing === undefined && bounded) {
    const refusal = checkSlot(tx, check);
    if (refusal !== null) return refusal;
  }
  if (existing !== undefined) {
    const refusal = checkReplacement(tx, existing.transaction, limits.priceBumpPercent);
    if (refusal !== null) return refusal;
  }
  return checkFunds(tx, account, queue, existing);
}

function checkSlot(tx: Transaction, { account, queue, limits, origin }: StateCheck): Refusal | null {
  const nonceMax = nextNonce(account, queue) + limits.nonceGapMax;
  if (tx.nonce > nonceMax) {
    return refuseFigures('POOL_NONCE_TOO_HIGH', 'nonce too high', tx.nonce, nonceMax, 'at most ');
  }
  const slotsMax = origin === 'local' ? limits.senderSlotsLocalMax : limits.senderSlotsMax;
  const slots = (queue?.size ?? 0) + 1;
  if (slots <= slotsMax) return null;
  const words = 'account limit exceeded: too many transactions of this sender are pending';
  return refuseFigures('POOL_SENDER_LIMIT', words, slots, slotsMax, 'at most ');
}

function nextNonce(account: Account, queue: SenderQueue | undefined): number {
  return queue === undefined ? account.nonce : Math.max(account.nonce, queue.nextNonce);
}

/** Both fields must rise: by the percentage, and by a wei at the least. */
function checkReplacement(tx: Transaction, old: Transaction, bumpPercent: number): Refusal | null {
  for (const field of ['maxFeePerGas', 'maxPriorityFeePerGas'] as const) {
    const wanted = bumped(old[field], bumpPercent);
    if (tx[field] < wanted) {
      const words = `replacement transaction underpriced: ${field} too low`;
      return refuseFigures('POOL_REPLACEMENT_UNDERPRICED', words, tx[field], wanted, 'at least ');
    }
  }
  return null;
}

/** Rounded up. */
export function bumped(fee: bigint, bumpPercent: number): bigint {
  const rise = (fee * BigInt(bumpPercent) + 99n) / 100n;
  return fee + (rise > 0n ? rise : 1n);
}

/** The balance pays for everything of the sender that can run, this one included and what it replaces left out. */
function checkFunds(
  tx: Transaction,
  account: Account,
  queue: SenderQueue | undefined,
  existing: PoolEntry | undefined,
): Refusal | null {
  let others = queue?.executableCost ?? 0n;
  if (existing !== undefined && queue?.executable(tx.nonce) === existing) others -= existing.cost;
  const wanted = others + costOf(tx);
  if (wanted <= account.balance) return null;
  const words = 'insufficient funds for gas * price + value';
  return refuseFigures('POOL_INSUFFICIENT_FUNDS', words, account.balance, wanted);
}
