import type { StateReader } from '../../ports/state.ts';
import { EMPTY_ACCOUNT, type Account } from '../../types/account.ts';
import { ZERO_HASH, type Address, type Bytes, type Hash, type JsonObject } from '../../types/primitives.ts';
import type { TracerConfig } from '../../types/trace.ts';
import { toHex } from '../../util/hex.ts';
import type { EvmObserver } from '../evm-observer.ts';
import { toQuantity } from './quantity.ts';
import type { TraceBudget } from './trace-budget.ts';
import type { TracedRun, TraceEnd, TracerFactory } from './tracer.ts';

type Mutable = { -readonly [K in keyof JsonObject]: JsonObject[K] };

const ACCOUNT_SIZE_BYTES = 160;
const SLOT_SIZE_BYTES = 138;
const NOTHING = new Uint8Array(0);

/**
 * `prestateTracer` in go-ethereum's form: accounts that the run looked up, as they were before, with the slots that it looked up. With
 * `diffMode` what it changed: `pre` has the accounts as they were, of their storage only what changed, `post` only what is new. What was
 * made is not in `pre`, what is gone not in `post`.
 *
 * It needs no opcodes: state remembers what was read and written, that of native contracts too.
 */
export const prestateTracer: TracerFactory = (run, { config }, budget) => {
  const creations = new Creations();
  return {
    observer: creations,
    result(end) {
      const prestate = new Prestate(run, config, budget);
      const { addresses } = creations;
      return config.diffMode ? prestate.difference(end, addresses) : prestate.accounts(end, addresses);
    },
  };
};

class Creations implements EvmObserver {
  readonly addresses = new Set<Address>();

  enter(): void {}

  exit({ created }: Parameters<EvmObserver['exit']>[0]): void {
    if (created !== null) this.addresses.add(created);
  }

  log(): void {}

  destroy(): void {}
}

class Prestate {
  readonly #run: TracedRun;
  readonly #config: TracerConfig;
  readonly #budget: TraceBudget;

  constructor(run: TracedRun, config: TracerConfig, budget: TraceBudget) {
    this.#run = run;
    this.#config = config;
    this.#budget = budget;
  }

  accounts({ written }: TraceEnd, created: ReadonlySet<Address>): JsonObject {
    const { before, beneficiary } = this.#run;
    const accounts: Mutable = {};
    for (const address of new Set([...before.addresses(), ...written.accounts.keys(), beneficiary])) {
      if (created.has(address) && before.account(address) === undefined) continue;
      const slots = new Set([...before.slots(address), ...(written.storage.get(address)?.keys() ?? [])]);
      accounts[address] = this.#account(before, address, this.#slots(slots, before, address, true));
    }
    return accounts;
  }

  difference({ written }: TraceEnd, created: ReadonlySet<Address>): JsonObject {
    const pre: Mutable = {};
    const post: Mutable = {};
    for (const address of new Set([...written.accounts.keys(), ...written.storage.keys()])) {
      const { before, now } = this.#run;
      const [was, is] = [before.account(address), now.account(address)];
      const changed = [...(written.storage.get(address)?.keys() ?? [])].filter(
        (slot) => before.storage(address, slot) !== now.storage(address, slot),
      );
      const fields = this.#changes(was ?? EMPTY_ACCOUNT, is ?? EMPTY_ACCOUNT);
      const newStorage = this.#slots(changed, now, address, false);
      const hasNewStorage = changed.length > 0 && !this.#config.disableStorage;
      if (Object.keys(fields).length === 0 && !hasNewStorage) continue;
      if (was !== undefined || !created.has(address)) {
        pre[address] = this.#account(before, address, this.#slots(changed, before, address, false));
      }
      if (is !== undefined) post[address] = { ...fields, ...newStorage };
    }
    return { post, pre };
  }

  #account(state: StateReader, address: Address, storage: JsonObject): JsonObject {
    const { balance, nonce, codeHash } = state.account(address) ?? EMPTY_ACCOUNT;
    this.#budget.spend(ACCOUNT_SIZE_BYTES);
    const code = this.#config.disableCode ? NOTHING : this.#code(state, codeHash);
    return {
      balance: toQuantity(balance),
      ...(nonce > 0 && { nonce }),
      ...(code.length > 0 && { code: toHex(code) }),
      ...storage,
    };
  }

  #changes(was: Account, is: Account): JsonObject {
    const hasNewCode = was.codeHash !== is.codeHash && !this.#config.disableCode;
    this.#budget.spend(ACCOUNT_SIZE_BYTES);
    return {
      ...(was.balance !== is.balance && { balance: toQuantity(is.balance) }),
      ...(was.nonce !== is.nonce && { nonce: is.nonce }),
      ...(hasNewCode && { code: toHex(this.#code(this.#run.now, is.codeHash)) }),
    };
  }

  #code(state: StateReader, codeHash: Hash): Bytes {
    const code = state.code(codeHash) ?? NOTHING;
    this.#budget.spendData(code.length);
    return code;
  }

  /** Nothing where there are none. */
  #slots(slots: Iterable<Hash>, state: StateReader, address: Address, hasZeros: boolean): JsonObject {
    const storage: Mutable = {};
    if (this.#config.disableStorage) return storage;
    for (const slot of slots) {
      const word = state.storage(address, slot);
      if (word === ZERO_HASH && !hasZeros) continue;
      this.#budget.spend(SLOT_SIZE_BYTES);
      storage[slot] = word;
    }
    return Object.keys(storage).length === 0 ? {} : { storage };
  }
}
