import type { BlockNode } from '../../src/chain/block-node.ts';
import type { ConsensusRules } from '../../src/execution/rules.ts';
import type { GenesisSpec } from '../../src/execution/genesis.ts';
import type { Header } from '../../src/types/block.ts';
import type { Address, Hash } from '../../src/types/primitives.ts';

/** Sum of all balances + burned fees = genesis + rewards, after every block of every branch. */
export class Supply {
  readonly #accounts: ReadonlySet<Address>;
  readonly #rules: Pick<ConsensusRules, 'blockReward'>;
  readonly #violated: (code: string, details: string) => void;
  /** What there should be after a block. */
  readonly #expected = new Map<Hash, bigint>();

  /** `accounts`: everybody who could ever own a coin. */
  constructor(
    options: { readonly genesis: GenesisSpec; readonly genesisHash: Hash; readonly accounts: Iterable<Address> },
    modules: {
      readonly rules: Pick<ConsensusRules, 'blockReward'>;
      readonly violated: (code: string, details: string) => void;
    },
  ) {
    const { alloc } = options.genesis;
    this.#accounts = new Set([...alloc.keys(), ...options.accounts]);
    this.#rules = modules.rules;
    this.#violated = modules.violated;
    this.#expected.set(
      options.genesisHash,
      [...alloc.values()].reduce((sum, { balance }) => sum + balance, 0n),
    );
  }

  /** A block that became final unseen, because its node died in that moment. Its state may be gone. */
  pass(hash: Hash, header: Header): void {
    this.#expect(hash, header);
  }

  /** A block that became canonical somewhere; its parent was seen before. Each is counted once. */
  check(node: BlockNode): void {
    const expected = this.#expect(node.hash, node.header);
    if (expected === null) return;
    const found = this.#sum(node);
    if (found !== expected) {
      this.#violated('SUPPLY', `after block ${node.number} ${node.hash} there are ${found} wei, not ${expected}`);
    }
  }

  /** What there should be after a block that is new here; null: it is not, or nobody can tell. */
  #expect(hash: Hash, header: Header): bigint | null {
    if (this.#expected.has(hash)) return null;
    const before = this.#expected.get(header.parentHash);
    if (before === undefined) {
      this.#violated('SUPPLY_UNKNOWN_PARENT', `block ${header.number} ${hash} became canonical before its parent`);
      return null;
    }
    const { baseFeePerGas, gasUsed, number } = header;
    const expected = before + this.#rules.blockReward(number) - baseFeePerGas * BigInt(gasUsed);
    this.#expected.set(hash, expected);
    return expected;
  }

  #sum(node: BlockNode): bigint {
    let sum = 0n;
    for (const address of this.#accounts) sum += node.executed.state.account(address)?.balance ?? 0n;
    return sum;
  }
}
