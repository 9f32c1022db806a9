import { isIPv6 } from 'node:net';

const GROUPS = 8;
/** Of 16 bits: a /64 is the least that a network gives to one site, whose owner has 2^64 addresses. */
const GROUPS_COUNTED = 4;

/** Who calls: found out once for each HTTP request or WebSocket connection, before any of its calls is looked at. */
export type Client = {
  /** What limits are counted under: `key:<name>` with a key or a token, else `address:<address>`, of IPv6 its network of 64 bits. */
  readonly id: string;
  /** Of the machine that called, as far as trusted proxies tell; else of the socket. */
  readonly address: string;
  /** Name of its key or the subject of its token; null: it gave none. */
  readonly key: string | null;
  /** Namespaces it may use; null: those that are open to everybody. */
  readonly namespaces: ReadonlySet<string> | null;
};

/** Somebody without a key: who has many addresses of one IPv6 network is one client. */
export function clientAt(address: string): Client {
  return { id: `address:${networkOf(address)}`, address, key: null, namespaces: null };
}

/** An IPv4 address, also one mapped into IPv6, counts as itself. */
function networkOf(text: string): string {
  const [address = ''] = text.split('%', 1);
  if (!isIPv6(address)) return text;
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
