import { isIPv6 } from 'node:net';
import { sha256 } from '../../src/crypto/sha256.ts';

const ADDRESS = 'address:';
/** Longer names (the subject of a token may be any text) are counted under their hash. */
const ID_LENGTH_MAX = 128;
const GROUPS = 8;
/** Of 16 bits: a /64 is the least that a network gives to one site, whose owner has 2^64 addresses. */
const GROUPS_COUNTED = 4;

/**
 * The name under which a client (Client.id) is counted: those who can have as many ids as they like share one. IPv6 addresses count by
 * /64, and an IPv4 address mapped into IPv6 as itself.
 */
export function clientGroup(client: string): string {
  if (client.startsWith(ADDRESS) && client.includes(':', ADDRESS.length)) {
    const [address = ''] = client.slice(ADDRESS.length).split('%', 1);
    if (isIPv6(address)) return ADDRESS + network(address);
  }
  if (client.length <= ID_LENGTH_MAX) return client;
  return `hash:${Buffer.from(sha256(Buffer.from(client))).toString('hex')}`;
}

function network(address: string): string {
  const groups = expand(address);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped) {
    const [high = 0, low = 0] = groups.slice(6);
    return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
  }
  const counted = groups.slice(0, GROUPS_COUNTED).map((group) => group.toString(16));
  return `${counted.join(':')}::/64`;
}

/** The eight groups of a valid address (RFC 4291, section 2.2). */
function expand(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const before = groupsOf(head);
  if (tail === undefined) return before;
  const after = groupsOf(tail);
  return [...before, ...Array.from({ length: GROUPS - before.length - after.length }, () => 0), ...after];
}

function groupsOf(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((part) => {
    if (!part.includes('.')) return [Number.parseInt(part, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}
