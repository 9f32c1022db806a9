import { keccak256 } from '../../../src/crypto/keccak.ts';
import { creationAddress } from '../../../src/execution/apply-transaction.ts';
import { minimumGasLimit } from '../../../src/execution/fees.ts';
import { ZERO_ADDRESS, type Address, type Bytes } from '../../../src/types/primitives.ts';
import type { Transaction } from '../../../src/types/transaction.ts';
import { signDigest } from '../../../src/crypto/secp256k1.ts';
import { Rng } from '../../../src/util/rng.ts';
import { toHex } from '../../../src/util/hex.ts';
import { callData, initCode } from './contracts.ts';
import { BENEFICIARY, ETHER, GWEI, key, KEYS, NO_BYTES, signed, word, type Key } from './support.ts';

type Draft = {
  readonly to: Address | null;
  readonly value?: bigint;
  readonly data?: Bytes;
  readonly gasLimit?: number;
};

/** Seeded transactions of all kinds, each valid where it stands: transfers, deployments, calls that work and calls that fail. */
export class Traffic {
  readonly #rng: Rng;
  readonly #nonces = new Map<Address, number>();
  readonly #labs: Address[] = [];
  readonly #tokens: Address[] = [];
  /** Everybody whose balance a transaction may have changed. */
  readonly touched = new Set<Address>([BENEFICIARY, ZERO_ADDRESS, ...KEYS.map(({ address }) => address)]);

  constructor(seed: number) {
    this.#rng = new Rng(seed);
  }

  get labs(): readonly Address[] {
    return this.#labs;
  }

  /** One of each contract, by the first key. */
  deployments(): Transaction[] {
    const from = key(0);
    const lab = this.#send(from, { to: null, data: initCode('Lab'), value: ETHER, gasLimit: 3_000_000 });
    this.#labs.push(this.#created(lab));
    const token = this.#send(from, { to: null, data: initCode('Token', [10n ** 24n]), gasLimit: 2_000_000 });
    this.#tokens.push(this.#created(token));
    return [lab, token];
  }

  /** Two contracts made and destroyed at once: for themselves, and for another who is late with `late` of the value. */
  mayflies(value: bigint, late: bigint): Transaction[] {
    const to = this.#labs[0] ?? BENEFICIARY;
    const call = (toSelf: boolean, rest: bigint): Transaction => {
      const data = callData('Lab', 'mayfly', [key(2).address, toSelf, rest]);
      return this.#send(key(0), { to, value, data, gasLimit: 600_000 });
    };
    return [call(true, 0n), call(false, late)];
  }

  next(count: number): Transaction[] {
    return Array.from({ length: count }, () => {
      const from = this.#rng.pick(KEYS);
      const tx = this.#send(from, this.#draft(from));
      if (tx.to === null) this.#created(tx);
      return tx;
    });
  }

  #draft(from: Key): Draft {
    const kind = this.#rng.between(0, 9);
    if (kind < 3) return this.#transfer(from);
    if (kind === 3) return this.#deployment();
    if (kind < 6) return this.#tokenCall();
    return { to: this.#rng.pick(this.#labs), ...this.#labCall() };
  }

  #transfer(from: Key): Draft {
    const fresh: Address = `0x${keccak256(Buffer.from(String(this.#rng.next()))).slice(26)}`;
    const native: Address = `0x${'00'.repeat(19)}0${this.#rng.between(1, 5)}`;
    const to = this.#rng.pick([
      fresh,
      native,
      from.address,
      this.#rng.pick(KEYS).address,
      BENEFICIARY,
      this.#rng.pick(this.#labs),
    ]);
    this.touched.add(to);
    const data = this.#rng.chance(0.3) ? this.#bytes(200) : NO_BYTES;
    const value = this.#rng.chance(0.2) ? 0n : BigInt(this.#rng.between(1, 1_000_000_000));
    return { to, value, data, gasLimit: 60_000 };
  }

  #deployment(): Draft {
    const data = this.#rng.pick([
      initCode('Child', [BigInt(this.#rng.between(10, 14))]),
      initCode('Token', [1000n]),
      NO_BYTES,
      this.#bytes(60),
      // Returns 0xef: refused (EIP-3541).
      Buffer.from('60ef60005360016000f3', 'hex'),
    ]);
    return { to: null, data, value: BigInt(this.#rng.between(0, 1)) * 5n * GWEI, gasLimit: this.#gas(800_000) };
  }

  #tokenCall(): Draft {
    const to = this.#rng.pick(this.#tokens);
    const who = this.#rng.pick(KEYS).address;
    const amount = BigInt(this.#rng.between(0, 2_000));
    const data = this.#rng.pick([
      callData('Token', 'transfer', [who, amount]),
      callData('Token', 'approve', [who, amount]),
      callData('Token', 'transferFrom', [key(0).address, who, amount]),
    ]);
    return { to, data, gasLimit: this.#gas(120_000) };
  }

  #labCall(): Omit<Draft, 'to'> {
    const rng = this.#rng;
    const n = BigInt(rng.between(0, 6));
    const salt = word(rng.between(0, 3));
    const who = rng.pick(KEYS).address;
    const value = BigInt(rng.between(0, 1)) * 1_000n * GWEI;
    const data = this.#bytes(100);
    const rs = signDigest(keccak256(data), key(1).privateKey);
    const calls: (() => [string, readonly unknown[], bigint?])[] = [
      () => ['store', [n, BigInt(rng.between(1, 4)), BigInt(rng.between(0, 1))]],
      () => ['flip', [n]],
      () => ['note', [n, toHex(data)], value],
      () => ['fail', ['because'], value],
      () => ['failInside', [n], value],
      () => ['burnAll', []],
      () => ['loop', [BigInt(rng.between(0, 200))]],
      () => ['make', [BigInt(rng.between(12, 14))], value],
      () => ['make2', [n, salt], value],
      () => ['makeCaught', [13n, salt], value],
      () => ['makeCaught', [1n, salt], value],
      () => ['killLast', [who]],
      () => ['mayfly', [who, false, 0n], value],
      () => ['mayfly', [who, true, 0n], value],
      () => ['mayfly', [who, rng.chance(0.5), value / 2n], value],
      () => ['remember', [n]],
      () => ['natives', [toHex(data), 27 + (rs[64] ?? 0), toHex(rs.subarray(0, 32)), toHex(rs.subarray(32, 64))]],
      () => ['look', [rng.pick([who, BENEFICIARY, rng.pick(this.#labs), rng.pick(this.#tokens)])]],
      () => ['pay', [who, BigInt(rng.between(0, 10)) * GWEI]],
      () => ['pay', [who, 10n ** 30n]],
      () => ['deep', [BigInt(rng.between(0, 12))]],
    ];
    const [name, args, sent = 0n] = rng.pick(calls)();
    return { data: callData('Lab', name, args), value: sent, gasLimit: this.#gas(600_000) };
  }

  /** Now and then too little. */
  #gas(enough: number): number {
    return this.#rng.chance(0.15) ? this.#rng.between(0, 60_000) : enough;
  }

  #send(from: Key, draft: Draft): Transaction {
    const nonce = this.#nonces.get(from.address) ?? 0;
    this.#nonces.set(from.address, nonce + 1);
    const type = this.#rng.pick([0, 1, 2] as const);
    const price = BigInt(this.#rng.between(2, 9)) * GWEI;
    const tip = BigInt(this.#rng.between(0, 2)) * (GWEI / 2n);
    const listed = { address: this.#labs[0] ?? BENEFICIARY, storageKeys: [word(0), word(1)] };
    const accessList = type !== 0 && this.#rng.chance(0.3) ? [listed] : [];
    const { to, value = 0n, data = NO_BYTES, gasLimit = 21_000 } = draft;
    const atLeast = minimumGasLimit({ to, data, accessList });
    return signed(from, {
      type,
      nonce,
      to,
      value,
      data,
      accessList,
      gasLimit: gasLimit < atLeast ? atLeast + gasLimit : gasLimit,
      maxFeePerGas: price,
      maxPriorityFeePerGas: type === 2 ? tip : price,
    });
  }

  #created(tx: Transaction): Address {
    const address = creationAddress(tx.sender, tx.nonce);
    this.touched.add(address);
    return address;
  }

  #bytes(most: number): Bytes {
    return Uint8Array.from({ length: this.#rng.between(0, most) }, () =>
      this.#rng.chance(0.3) ? 0 : this.#rng.between(1, 255),
    );
  }
}
