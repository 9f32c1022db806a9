import { accountsFromMnemonic } from '../../../src/crypto/mnemonic.ts';
import { signTransaction } from '../../../src/codec/transaction.ts';
import type { Address, Bytes } from '../../../src/types/primitives.ts';
import { toHex } from '../../../src/util/hex.ts';
import { MNEMONIC } from './devnet.ts';
import { RpcError, type Rpc } from './rpc.ts';
import { CHAIN_ID } from './test-peer.ts';

type Target = { readonly rpc: Rpc; readonly isRunning: boolean };

/** Where the transfers go, a wei each: its balance counts them. */
export const SINK: Address = '0x00000000000000000000000000000000000051c4';

const TIMEOUT_MS = 4_000;

/**
 * Accounts that send transfers to whichever node lives, one after the other. A transfer that got no answer is sent again,
 * elsewhere; one that was answered with a hash is remembered, as a user would, and never sent again.
 */
export class TransferLoad {
  /** Answered with a hash. */
  readonly promised = new Set<string>();
  /** Some node has or had it, and nobody promised anything: lost when all who heard of it die. */
  readonly #unpromised = new Set<string>();
  readonly refusals: string[] = [];
  readonly #targets: readonly Target[];
  readonly #everyMs: number;
  readonly #senders: number;
  #sent: number[];
  #next = 0;
  #stopped = false;
  #loops: Promise<void>[] = [];

  constructor(targets: readonly Target[], options: { readonly senders: number; readonly everyMs: number }) {
    this.#targets = targets;
    this.#senders = options.senders;
    this.#everyMs = options.everyMs;
    this.#sent = Array.from({ length: options.senders }, () => 0);
  }

  start(): void {
    const keys = accountsFromMnemonic(MNEMONIC, this.#senders);
    this.#loops = keys.map(({ privateKey }, index) => this.#send(index, privateKey));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
  }

  /** Sends again what was never answered with a hash, as its owner would. */
  async resend(): Promise<void> {
    for (const raw of this.#unpromised) await this.#submit(raw);
  }

  /** Transfers that some node has, whether or not its answer came through. */
  get total(): number {
    return this.#sent.reduce((sum, count) => sum + count, 0);
  }

  async #send(index: number, privateKey: Bytes): Promise<void> {
    let raw: string | null = null;
    while (!this.#stopped || raw !== null) {
      raw ??= toHex(transfer(privateKey, this.#sent[index] ?? 0));
      if (await this.#submit(raw)) {
        raw = null;
        this.#sent[index] = (this.#sent[index] ?? 0) + 1;
      }
      await new Promise((wake) => setTimeout(wake, this.#everyMs));
    }
  }

  /** True: some node has it. */
  async #submit(raw: string): Promise<boolean> {
    const target = this.#targets[this.#next++ % this.#targets.length];
    if (target === undefined || !target.isRunning) return false;
    try {
      const answer = await Promise.race([target.rpc<string>('eth_sendRawTransaction', [raw]), late()]);
      if (answer === null) return false;
      this.promised.add(answer);
      return true;
    } catch (error) {
      if (!(error instanceof RpcError)) return false;
      // What an unanswered attempt has done before.
      if (/already known|nonce too low/.test(error.message)) {
        this.#unpromised.add(raw);
        return true;
      }
      this.refusals.push(error.message);
      return false;
    }
  }
}

function transfer(privateKey: Bytes, nonce: number): Bytes {
  return signTransaction(
    {
      type: 2,
      chainId: CHAIN_ID,
      nonce,
      gasLimit: 21_000,
      maxFeePerGas: 100n * 10n ** 9n,
      maxPriorityFeePerGas: 10n ** 9n,
      to: SINK,
      value: 1n,
      data: new Uint8Array(0),
      accessList: [],
    },
    privateKey,
  );
}

function late(): Promise<null> {
  return new Promise((wake) => setTimeout(() => wake(null), TIMEOUT_MS));
}
