/** Coins as text to wei. */
export function coinsToWei(coins: string): bigint {
  const [whole = '0', fraction = ''] = coins.split('.');
  return BigInt(whole) * 10n ** 18n + BigInt(fraction.padEnd(18, '0'));
}
