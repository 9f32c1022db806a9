import type { Address } from '../types/primitives.ts';
import { isChecksumValid } from '../crypto/checksum.ts';
import { ConfigError } from '../util/errors.ts';
import { coinsToWei } from './coins.ts';

const DECIMALS = 18;
const WEI_PER_COIN = 10n ** 18n;
const PERCENT_MAX_BPS = 10_000;

/** An amount in coins as the command line takes it, in wei. Throws ConfigError naming the option. */
export function stakeAmount(text: string, option: string): bigint {
  if (/^\d{1,30}(\.\d{1,18})?$/.test(text)) return coinsToWei(text);
  const decimals = /^\d+\.(\d+)$/.exec(text)?.[1]?.length ?? 0;
  const what =
    decimals > DECIMALS
      ? `${decimals} decimals are too many, a coin has ${DECIMALS}`
      : 'expected coins, such as 32 or 0.5';
  throw new ConfigError(`${option} ${JSON.stringify(text.slice(0, 64))}: ${what}`, { path: option });
}

/** `5%` or `5`, to two decimals, in hundredths of a percent. Throws ConfigError. */
export function stakeCommission(text: string): number {
  const match = /^(\d{1,3})(?:\.(\d{1,2}))?%?$/.exec(text);
  const bps = Number(match?.[1]) * 100 + Number((match?.[2] ?? '').padEnd(2, '0'));
  if (match !== null && bps <= PERCENT_MAX_BPS) return bps;
  throw new ConfigError(
    `--commission ${JSON.stringify(text.slice(0, 64))}: expected a percentage from 0% to 100% with at most two decimals`,
    { path: '--commission' },
  );
}

/** Lower case. `name` says which one, for the ConfigError of what is no address or has a wrong checksum (EIP-55). */
export function stakeAddress(text: string, name: string): Address {
  if (isChecksumValid(text)) return text.toLowerCase() as Address;
  const isAddress = /^0x[0-9a-fA-F]{40}$/.test(text);
  const what = isAddress
    ? 'its checksum is wrong, so a digit may be; copy it again'
    : 'expected an address, 0x and 40 hex digits';
  throw new ConfigError(`${name} ${JSON.stringify(text.slice(0, 64))}: ${what}`, { path: name });
}

/** Wei as coins, exactly; with `decimals`, rounded down to so many. */
export function coinsText(wei: bigint, decimals = DECIMALS): string {
  const fraction = (wei % WEI_PER_COIN).toString().padStart(DECIMALS, '0').slice(0, decimals).replace(/0+$/, '');
  return `${wei / WEI_PER_COIN}${fraction === '' ? '' : `.${fraction}`}`;
}

/** Hundredths of a percent as text. */
export function commissionText(bps: number): string {
  return `${bps / 100}%`;
}
