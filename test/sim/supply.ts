import type { BlockNode } from '../../src/chain/block-node.ts';
import type { ConsensusRules } from '../../src/execution/rules.ts';
import type { GenesisSpec } from '../../src/execution/genesis.ts';
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

  /** A block that became canonical somewhere; its parent was seen before. Each is counted once. */
  check(node: BlockNode): void {
    if (this.#expected.has(node.hash)) return;
    const before = this.#expected.get(node.header.parentHash);
    if (before === undefined) {
      this.#violated('SUPPLY_UNKNOWN_PARENT', `block ${node.number} ${node.hash} became canonical before its parent`);
      return;
    }
    const { baseFeePerGas, gasUsed } = node.header;
    const expected = before + this.#rules.blockReward(node.number) - baseFeePerGas * BigInt(gasUsed);
    this.#expected.set(node.hash, expected);
    const found = this.#sum(node);
    if (found !== expected) {
      this.#violated('SUPPLY', `after block ${node.number} ${node.hash} there are ${found} wei, not ${expected}`);
    }
  }

  #sum(node: BlockNode): bigint {
    let sum = 0n;
    for (const address of this.#accounts) sum += node.executed.state.account(address)?.balance ?? 0n;
    return sum;
  }
}
