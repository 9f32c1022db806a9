/** Who calls: found out once for each HTTP request or WebSocket connection, before any of its calls is looked at. */
export type Client = {
  /** What limits are counted under: `key:<name>` with a key or a token, else `address:<address>`. */
  readonly id: string;
  /** Of the machine that called, as far as trusted proxies tell; else of the socket. */
  readonly address: string;
  /** Name of its key or the subject of its token; null: it gave none. */
  readonly key: string | null;
  /** Namespaces it may use; null: those that are open to everybody. */
  readonly namespaces: ReadonlySet<string> | null;
};

/** Somebody without a key. One household has many IPv6 addresses: it is counted by its network of 64 bits. */
export function clientAt(address: string): Client {
  return { id: `address:${networkOf(address)}`, address, key: null, namespaces: null };
}

/** `address`: as Node or `URL` write it, so `::` stands for zeros at most once. */
function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.replace(/%.*$/, '').split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':');
    while (groups.length + after.length < 8) groups.push('0');
    groups.push(...after);
  }
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
