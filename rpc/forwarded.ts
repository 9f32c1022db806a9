/**
 * Where a request comes from when proxies stand before the node. `X-Forwarded-For` is a list that each proxy lengthens on
 * the right, and that a client may begin as it likes: only what a trusted proxy added is believed. So the list is read
 * from the right, past trusted proxies; the first other address is the client's.
 */
import { BlockList, isIP } from 'node:net';
import { ConfigError } from '../src/util/errors.ts';

export class TrustedProxies {
  readonly #list = new BlockList();
  readonly #any: boolean;

  /** @throws ConfigError for what is neither an address nor a CIDR range. */
  constructor(ranges: readonly string[]) {
    this.#any = ranges.length > 0;
    for (const [index, range] of ranges.entries()) {
      if (this.#add(range)) continue;
      throw new ConfigError(`trusted proxy "${range}": write an address, or a range such as 10.0.0.0/8`, {
        path: `rpc.trusted-proxies.${index}`,
      });
    }
  }

  trusts(address: string): boolean {
    return this.#any && isIP(address) !== 0 && this.#list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }

  /** `socketAddress`: as Node gives it. A header that is not a list of addresses is as good as none. */
  clientAddress(socketAddress: string, forwardedFor: string | undefined): string {
    const peer = plainAddress(socketAddress);
    if (forwardedFor === undefined || !this.trusts(peer)) return peer;
    let client = peer;
    for (const entry of forwardedFor.split(',').reverse()) {
      const address = entryAddress(entry);
      if (address === null) return peer;
      client = address;
      if (!this.trusts(address)) break;
    }
    return client;
  }

  #add(range: string): boolean {
    const [address = '', prefix, ...rest] = range.split('/');
    const version = isIP(address);
    if (version === 0 || rest.length > 0) return false;
    const family = version === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) this.#list.addAddress(address, family);
    else if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > (version === 6 ? 128 : 32)) return false;
    else this.#list.addSubnet(address, Number(prefix), family);
    return true;
  }
}

/** A socket that listens on IPv6 too shows IPv4 addresses as `::ffff:a.b.c.d`. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address;
}

/** Some proxies write the port as well: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function entryAddress(entry: string): string | null {
  const text = entry.trim();
  const match = /^\[([0-9a-fA-F:.]+)\](?::\d{1,5})?$/.exec(text) ?? /^(\d+\.\d+\.\d+\.\d+):\d{1,5}$/.exec(text);
  const address = plainAddress((match?.[1] ?? text).toLowerCase());
  return isIP(address) === 0 ? null : address;
}
