import { expect, it } from 'vitest';
import { clientGroup } from '../../../../rpc/limiting/client-group.ts';

it.each([
  ['address:192.0.2.7', 'address:192.0.2.7'],
  ['address:2001:db8:1:2:3:4:5:6', 'address:2001:db8:1:2::/64'],
  ['address:2001:db8:1:2::9', 'address:2001:db8:1:2::/64'],
  ['address:2001:DB8:0001:0002::', 'address:2001:db8:1:2::/64'],
  ['address:2001:db8::1', 'address:2001:db8:0:0::/64'],
  ['address:::1', 'address:0:0:0:0::/64'],
  ['address:fe80::1%eth0', 'address:fe80:0:0:0::/64'],
  ['address:::ffff:192.0.2.7', 'address:192.0.2.7'],
  ['address:::ffff:c000:207', 'address:192.0.2.7'],
  ['address:64:ff9b::192.0.2.7', 'address:64:ff9b:0:0::/64'],
  ['key:wallet', 'key:wallet'],
  ['key:2001:db8:1:2::9', 'key:2001:db8:1:2::9'],
  ['address:not:an:address', 'address:not:an:address'],
])('%s counts as %s', (client, group) => {
  expect(clientGroup(client)).toBe(group);
});

it('counts a long name under a short one of its own', () => {
  const [a, b] = [clientGroup(`key:${'a'.repeat(10_000)}`), clientGroup(`key:${'a'.repeat(9_999)}b`)];
  expect(a).not.toBe(b);
  expect(a.length).toBeLessThan(100);
});
