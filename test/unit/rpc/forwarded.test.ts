import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TrustedProxies } from '../../../rpc/forwarded.ts';

const PROXIES = new TrustedProxies(['10.0.0.0/8', '192.0.2.7', '2001:db8:ffff::/48']);

describe('the client behind proxies', () => {
  it.each([
    ['nobody forwarded', '10.0.0.1', undefined, '10.0.0.1'],
    ['a proxy that is not trusted', '198.51.100.1', '203.0.113.9', '198.51.100.1'],
    ['one proxy', '10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['one proxy on a socket of both families', '::ffff:10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['two proxies', '10.0.0.1', '203.0.113.9, 192.0.2.7', '203.0.113.9'],
    ['what the client claims', '10.0.0.1', '127.0.0.1, 203.0.113.9, 192.0.2.7', '203.0.113.9'],
    ['a trusted address that the client claims', '10.0.0.1', '10.9.9.9, 203.0.113.9', '203.0.113.9'],
    ['a client that is a proxy itself', '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['IPv6', '2001:db8:ffff::1', '2001:DB8::5', '2001:db8::5'],
    ['ports', '10.0.0.1', '[2001:db8::5]:4711,192.0.2.7:443', '2001:db8::5'],
    ['an IPv4 address written as IPv6', '10.0.0.1', '::ffff:203.0.113.9', '203.0.113.9'],
    ['nothing', '10.0.0.1', '', '10.0.0.1'],
    ['a name', '10.0.0.1', 'localhost', '10.0.0.1'],
    ['rubbish before the answer', '10.0.0.1', 'unknown, 203.0.113.9', '203.0.113.9'],
    ['rubbish that would be the answer', '10.0.0.1', 'unknown, 10.0.0.2', '10.0.0.1'],
  ])('%s', (_, socket, header, expected) => {
    expect(PROXIES.clientAddress(socket, header)).toBe(expected);
  });

  it('is the socket where no proxy is named, whatever the header says', () => {
    const none = new TrustedProxies([]);
    fc.assert(fc.property(fc.string(), (header) => none.clientAddress('127.0.0.1', header) === '127.0.0.1'));
  });

  it('never gets another name by what it says itself', () => {
    const said = fc.array(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6()), { maxLength: 5 });
    fc.assert(
      fc.property(said, (claims) => {
        const header = [...claims, '203.0.113.9'].join(', ');
        return PROXIES.clientAddress('10.0.0.1', header) === '203.0.113.9';
      }),
    );
  });

  it.each(['', 'localhost', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '10.0.0/8', '::/129', '10.0.0.1/-1'])(
    'refuses %j as a proxy',
    (range) => {
      const path = { path: 'rpc.trusted-proxies.1' };
      expect(() => new TrustedProxies(['10.0.0.1', range])).toThrow(
        expect.objectContaining({ code: 'CONFIG', data: path }),
      );
    },
  );
});
