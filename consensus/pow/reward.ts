/** A 64-bit number is nothing when halved so often: Bitcoin stops there (Bitcoin Core, GetBlockSubsidy), whatever the unit. */
const HALVINGS_MAX = 64;

/** Wei for the miner of the block at this height. */
export function rewardAt(params: { readonly reward: string; readonly halvingBlocks: number }, height: number): bigint {
  const halvings = Math.floor(height / params.halvingBlocks);
  return halvings >= HALVINGS_MAX ? 0n : BigInt(params.reward) >> BigInt(halvings);
}
