/**
 * Coins that many own in proportion, so that rewards and penalties are one addition. Whoever comes or goes is rounded against, in favour
 * of those who stay.
 */
export type Pool = {
  readonly wei: bigint;
  readonly shares: bigint;
  /** Raised when a penalty leaves (next to) nothing: shares of an earlier round are worth nothing. */
  readonly round: number;
};

export type PoolShare = { readonly shares: bigint; readonly round: number };

export const EMPTY_POOL: Pool = { wei: 0n, shares: 0n, round: 0 };

/** A share that is worth less than one part in so many of what it cost is worth nothing: it keeps shares from growing without bound. */
const DEPRECIATION_MAX = 10n ** 9n;

/** Of a share, in wei, rounded down. */
export function valueOf(pool: Pool, share: PoolShare): bigint {
  if (share.round !== pool.round || pool.shares === 0n) return 0n;
  return (share.shares * pool.wei) / pool.shares;
}

export type Joining = {
  readonly pool: Pool;
  readonly held: PoolShare;
  /** Of what was brought, what it is worth now: shares are whole, and what is short of one goes to all others. */
  readonly worthWei: bigint;
};

/** `held` is what the owner had before; the result takes its place. */
export function join(pool: Pool, held: PoolShare, wei: bigint): Joining {
  const minted = pool.shares === 0n ? wei : (wei * pool.shares) / pool.wei;
  const before = held.round === pool.round ? held.shares : 0n;
  const after = { ...pool, wei: pool.wei + wei, shares: pool.shares + minted };
  return {
    pool: after,
    held: { shares: before + minted, round: pool.round },
    worthWei: valueOf(after, { shares: minted, round: pool.round }),
  };
}

export type Leaving = { readonly pool: Pool; readonly held: PoolShare; readonly wei: bigint };

/**
 * `wei`: at most `valueOf`. Where it takes all shares, their owner gets all that they are worth, so that no coin is left without an owner.
 */
export function leave(pool: Pool, held: PoolShare, wei: bigint): Leaving {
  const isWorthless = held.round !== pool.round || pool.shares === 0n;
  if (isWorthless) return { pool, held: { shares: 0n, round: pool.round }, wei: 0n };
  const all = valueOf(pool, held);
  const burned = wei === all ? held.shares : ceilDivide(wei * pool.shares, pool.wei);
  const taken = burned === held.shares ? all : wei;
  return {
    pool: { wei: pool.wei - taken, shares: pool.shares - burned, round: pool.round },
    held: { shares: held.shares - burned, round: pool.round },
    wei: taken,
  };
}

/** `takenWei` is at least `wei`, of which the pool has enough: what would be left of worthless shares goes too. */
export function penalize(pool: Pool, wei: bigint): { readonly pool: Pool; readonly takenWei: bigint } {
  if (wei === 0n) return { pool, takenWei: 0n };
  const left = pool.wei - wei;
  if (left * DEPRECIATION_MAX >= pool.shares) return { pool: { ...pool, wei: left }, takenWei: wei };
  return { pool: { wei: 0n, shares: 0n, round: pool.round + 1 }, takenWei: pool.wei };
}

function ceilDivide(a: bigint, b: bigint): bigint {
  return (a + b - 1n) / b;
}
