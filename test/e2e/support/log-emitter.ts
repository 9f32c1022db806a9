import type { Rpc } from './rpc.ts';
import { until } from './wait.ts';

/** emit(count, size): so many logs with so many bytes of zeros each, and a topic that counts down to 1. */
const RUNTIME = [
  '5f35', // n = count
  '5b8015601557', // again: end where n = 0
  '806020355fa1', // LOG1(0, size, n)
  '60019003600256', // n = n - 1, again
  '5b00', // end
].join('');
const SIZE = (RUNTIME.length / 2).toString(16).padStart(2, '0');
/** Copies the rest and returns it. */
const CREATION = `0x60${SIZE}8060095f395ff3${RUNTIME}`;
const LOGS_PER_TRANSACTION = 250;
const GAS = '0x300000';

type Receipt = { readonly status: string; readonly contractAddress: string };

/** A contract that logs whatever it is asked for. */
export class LogEmitter {
  readonly #rpc: Rpc;
  readonly #from: string;
  readonly #address: string;
  /** Logs so far. */
  emitted = 0;

  private constructor(rpc: Rpc, from: string, address: string) {
    this.#rpc = rpc;
    this.#from = from;
    this.#address = address;
  }

  /** `from`: an account that the node signs for. */
  static async deploy(rpc: Rpc, from: string): Promise<LogEmitter> {
    const { contractAddress } = await mined(rpc, { from, data: CREATION, gas: '0x100000' });
    return new LogEmitter(rpc, from, contractAddress);
  }

  /** Resolves when they are in blocks. In transactions that take little of a block's time, for a machine with much else to do. */
  async emit(count: number, sizeBytes: number): Promise<void> {
    const word = (value: number): string => value.toString(16).padStart(64, '0');
    const transactions = Array.from({ length: Math.ceil(count / LOGS_PER_TRANSACTION) }, (_, i) => {
      const logs = Math.min(LOGS_PER_TRANSACTION, count - i * LOGS_PER_TRANSACTION);
      return { from: this.#from, to: this.#address, data: `0x${word(logs)}${word(sizeBytes)}`, gas: GAS };
    });
    await Promise.all(transactions.map((transaction) => mined(this.#rpc, transaction)));
    this.emitted += count;
  }
}

async function mined(rpc: Rpc, transaction: object): Promise<Receipt> {
  const hash = await rpc<string>('eth_sendTransaction', [transaction]);
  const receipt = await until('it is mined', () => rpc<Receipt | null>('eth_getTransactionReceipt', [hash]));
  if (receipt.status !== '0x1') throw new Error(`${hash} has failed`);
  return receipt;
}
