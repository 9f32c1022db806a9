import type { BlockNode } from '../../src/chain/block-node.ts';
import { STAKING_ADDRESS, type ConsensusRules } from '../../src/execution/rules.ts';
import type { GenesisSpec } from '../../src/execution/genesis.ts';
import type { Header } from '../../src/types/block.ts';
import type { Address, Hash } from '../../src/types/primitives.ts';

/**
 * Sum of all balances + burned fees = genesis + rewards, after every block of every branch. Where validators stake, the staking contract is one of
 * the accounts, and what an epoch's wages and penalties came to is execution's word; that the contract owes what it has is for its own tests.
 */
export class Supply {
  readonly #accounts: ReadonlySet<Address>;
  readonly #rules: Pick<ConsensusRules, 'blockReward' | 'staking'>;
  readonly #violated: (code: string, details: string) => void;
  /** What there should be after a block; null: nobody can tell. */
  readonly #expected = new Map<Hash, bigint | null>();

  /** `accounts`: everybody who could ever own a coin. */
  constructor(
    options: { readonly genesis: GenesisSpec; readonly genesisHash: Hash; readonly accounts: Iterable<Address> },
    modules: {
      readonly rules: Pick<ConsensusRules, 'blockReward' | 'staking'>;
      readonly violated: (code: string, details: string) => void;
    },
  ) {
    const { alloc, validators } = options.genesis;
    this.#accounts = new Set([...alloc.keys(), ...options.accounts, STAKING_ADDRESS]);
    this.#rules = modules.rules;
    const staked = modules.rules.staking === undefined ? [] : validators;
    this.#violated = modules.violated;
    this.#expected.set(
      options.genesisHash,
      [...alloc.values(), ...staked.map(({ power: balance }) => ({ balance }))].reduce(
        (sum, { balance }) => sum + balance,
        0n,
      ),
    );
  }

  /** A block that became final unseen, because its node died in that moment. Its state may be gone. */
  pass(hash: Hash, header: Header): void {
    const minted = this.#rules.staking === undefined ? this.#rules.blockReward(header.number) : null;
    this.#expect(hash, header, minted);
  }

  /** A block that became canonical somewhere; its parent was seen before. Each is counted once. */
  check(node: BlockNode): void {
    if (this.#expected.has(node.hash)) return;
    const reward = this.#rules.blockReward(node.number);
    const minted = this.#rules.staking === undefined ? reward : (node.executed.mintedWei ?? null);
    const expected = this.#expect(node.hash, node.header, minted);
    const found = this.#sum(node);
    if (expected === null) this.#expected.set(node.hash, found);
    else if (found !== expected) {
      this.#violated('SUPPLY', `after block ${node.number} ${node.hash} there are ${found} wei, not ${expected}`);
    }
  }

  /** What there should be after a block that is new here; null: it is not, or nobody can tell. */
  #expect(hash: Hash, header: Header, minted: bigint | null): bigint | null {
    const known = this.#expected.get(hash);
    if (known !== undefined) return known;
    const before = this.#expected.get(header.parentHash);
    if (before === undefined) {
      this.#violated('SUPPLY_UNKNOWN_PARENT', `block ${header.number} ${hash} became canonical before its parent`);
      return null;
    }
    const { baseFeePerGas, gasUsed } = header;
    const expected = before === null || minted === null ? null : before + minted - baseFeePerGas * BigInt(gasUsed);
    this.#expected.set(hash, expected);
    return expected;
  }

  #sum(node: BlockNode): bigint {
    let sum = 0n;
    for (const address of this.#accounts) sum += node.executed.state.account(address)?.balance ?? 0n;
    return sum;
  }
}
