import type { Address, Hash } from '../../types/primitives.ts';
import type { Log } from '../../types/receipt.ts';
import type { EvmFrame, EvmFrameEnd, EvmObserver } from '../evm-observer.ts';
import { wordOf } from '../evm-words.ts';

/** ERC-7528: coins, where tokens have a contract. */
export const COINS_ADDRESS: Address = `0x${'e'.repeat(40)}`;
/** keccak256('Transfer(address,address,uint256)'). */
export const TRANSFER_TOPIC: Hash = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';

type OpenFrame = { readonly frame: EvmFrame; readonly logs: Log[] };

/**
 * The logs of one call with a transfer of COINS_ADDRESS wherever coins move: with a call, to a new contract, by SELFDESTRUCT. A frame
 * that fails takes its own along. Fees are no transfers.
 */
export class TransferLogs implements EvmObserver {
  readonly #open: OpenFrame[] = [];
  #logs: readonly Log[] = [];

  /** Once the call is over. */
  get logs(): readonly Log[] {
    return this.#logs;
  }

  enter(frame: EvmFrame): void {
    const logs: Log[] = [];
    if (frame.to !== null && movesCoins(frame)) logs.push(transferLog(frame.from, frame.to, frame.value));
    this.#open.push({ frame, logs });
  }

  exit({ error, created }: EvmFrameEnd): void {
    const ended = this.#open.pop();
    if (ended === undefined || error !== null) return;
    const { frame, logs } = ended;
    // Only now it is known where the contract is; what came with its creation came first.
    if (frame.to === null && created !== null && movesCoins(frame)) {
      logs.unshift(transferLog(frame.from, created, frame.value));
    }
    const outer = this.#open.at(-1);
    if (outer === undefined) this.#logs = logs;
    else for (const log of logs) outer.logs.push(log);
  }

  log(log: Log): void {
    this.#open.at(-1)?.logs.push(log);
  }

  destroy(contract: Address, heir: Address, balance: bigint): void {
    if (balance > 0n) this.log(transferLog(contract, heir, balance));
  }
}

/** What a DELEGATECALL is told of was moved before, and a CALLCODE moves from an account to itself. */
function movesCoins({ kind, value }: EvmFrame): boolean {
  return value > 0n && kind !== 'DELEGATECALL' && kind !== 'CALLCODE';
}

function transferLog(from: Address, to: Address, value: bigint): Log {
  const topics = [TRANSFER_TOPIC, wordOf(BigInt(from)), wordOf(BigInt(to))];
  return { address: COINS_ADDRESS, topics, data: wordOf(value) };
}
