/**
 * What wallets are told to pay, from the blocks of late. The tip is that of geth's method (the three cheapest of each
 * of the last 20 blocks, 60th percentile), never under 1 gwei (as Anvil) and never over 500 gwei (as geth).
 * A block's figures are worked out once, from its receipts.
 */
import type { BlockView, ChainApi } from '../src/node/api.ts';
import type { Hash } from '../src/types/primitives.ts';
import { Lru } from '../src/util/lru.ts';

const SUGGESTION_BLOCKS = 20;
const SUGGESTION_TIPS_PER_BLOCK = 3;
const SUGGESTION_PERCENTILE = 60;
const GWEI = 1_000_000_000n;
export const SUGGESTED_TIP_MIN = GWEI;
export const SUGGESTED_TIP_MAX = 500n * GWEI;
/** One of a full block takes some 300 kB. Wallets ask for the last 20 blocks at most. */
const SUMMARIES_MAX = 64;

export type FeeSummary = {
  readonly baseFeePerGas: bigint;
  readonly gasUsed: number;
  readonly gasLimit: number;
  /** Ascending by tip. */
  readonly payments: readonly { readonly tip: bigint; readonly gasUsed: number }[];
};

export class FeeOracle {
  readonly #chain: ChainApi;
  readonly #summaries = new Lru<Hash, FeeSummary>(SUMMARIES_MAX);
  #suggested: { readonly head: Hash; readonly tip: bigint } | null = null;

  constructor(chain: ChainApi) {
    this.#chain = chain;
  }

  /** Wei per gas on top of the base fee. */
  suggestedTip(): bigint {
    const head = this.#chain.head();
    if (this.#suggested?.head !== head.hash) this.#suggested = { head: head.hash, tip: this.#suggest(head) };
    return this.#suggested.tip;
  }

  /** Base fee of the next block plus the suggested tip. */
  gasPrice(): bigint {
    return this.#chain.nextBaseFee(this.#chain.head()) + this.suggestedTip();
  }

  summary(view: BlockView): FeeSummary {
    const known = this.#summaries.get(view.hash);
    if (known !== undefined) return known;
    const { baseFeePerGas, gasUsed, gasLimit } = view.block.header;
    const payments = view
      .receipts()
      .map((receipt) => ({ tip: receipt.effectiveGasPrice - baseFeePerGas, gasUsed: receipt.gasUsed }))
      .sort((a, b) => (a.tip < b.tip ? -1 : a.tip > b.tip ? 1 : 0));
    const summary = { baseFeePerGas, gasUsed, gasLimit, payments };
    this.#summaries.set(view.hash, summary);
    return summary;
  }

  /** The tip at which each percentile of the block's gas was paid for; zeros for an empty block. Percentiles ascend. */
  rewards(view: BlockView, percentiles: readonly number[]): bigint[] {
    const { payments, gasUsed } = this.summary(view);
    let at = 0;
    let gasSoFar = payments[0]?.gasUsed ?? 0;
    return percentiles.map((percentile) => {
      const threshold = (gasUsed * percentile) / 100;
      while (gasSoFar < threshold && at < payments.length - 1) gasSoFar += payments[++at]?.gasUsed ?? 0;
      return payments[at]?.tip ?? 0n;
    });
  }

  #suggest(head: BlockView): bigint {
    const tips: bigint[] = [];
    let view: BlockView | null = head;
    for (let i = 0; i < SUGGESTION_BLOCKS && view !== null; i++) {
      const cheapest = this.summary(view).payments.slice(0, SUGGESTION_TIPS_PER_BLOCK);
      tips.push(...cheapest.map((payment) => payment.tip));
      view = view.block.header.number === 0 ? null : this.#chain.byHash(view.block.header.parentHash);
    }
    tips.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const tip = tips[Math.floor(((tips.length - 1) * SUGGESTION_PERCENTILE) / 100)] ?? SUGGESTED_TIP_MIN;
    if (tip < SUGGESTED_TIP_MIN) return SUGGESTED_TIP_MIN;
    return tip > SUGGESTED_TIP_MAX ? SUGGESTED_TIP_MAX : tip;
  }
}
