import { describe, expect, it } from 'vitest';
import * as params from '../../../rpc/params.ts';
import { BLOCK_OR_LATEST } from '../../../rpc/block-params.ts';
import { callRequest, sendRequest } from '../../../rpc/call-params.ts';
import { ALICE, BOB } from '../../rpc/fake-node.ts';
import type { JsonValue } from '../../../src/types/primitives.ts';

const HASH = `0x${'Ab'.repeat(32)}`;
const CALL = callRequest(31_337);
const SEND = sendRequest(31_337);
const refused = (index: number, text = ''): unknown =>
  expect.objectContaining({
    code: 'RPC_INVALID_PARAMS',
    message: expect.stringContaining(text) as string,
    data: { index },
  });

describe('quantities', () => {
  it.each([
    ['0x0', 0n],
    ['0x1', 1n],
    ['0xFf', 255n],
    [`0x${'f'.repeat(64)}`, 2n ** 256n - 1n],
  ])('reads %s', (text, value) => {
    expect(params.QUANTITY.decode(text, 0)).toBe(value);
  });

  it.each([
    '',
    '0x',
    '0x00',
    '0x01',
    '1',
    'ff',
    '0xg',
    '0x-1',
    ' 0x1',
    '0x1 ',
    `0x1${'0'.repeat(64)}`,
    1,
    true,
    null,
    {},
  ])('refuses %j', (value) => {
    expect(() => params.QUANTITY.decode(value, 3)).toThrow(refused(3));
  });

  it('keeps numbers in the safe range', () => {
    expect(params.NUMBER.decode('0x1fffffffffffff', 0)).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => params.NUMBER.decode('0x20000000000000', 1)).toThrow(refused(1, '2^53-1'));
  });
});

describe('bytes', () => {
  it('lower-cases addresses and hashes', () => {
    expect(params.ADDRESS.decode('0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266', 0)).toBe(ALICE);
    expect(params.HASH.decode(HASH, 0)).toBe(HASH.toLowerCase());
  });

  it.each(['0x1', '0x12345', 'zz', '0xzz', '12', 5, null, ['0x12']])('refuses %j as data', (value) => {
    expect(() => params.BYTES.decode(value, 2)).toThrow(refused(2));
  });

  it.each([`${ALICE}00`, ALICE.slice(0, -1), ALICE.slice(2), '0x', 7])('refuses %j as an address', (value) => {
    expect(() => params.ADDRESS.decode(value, 0)).toThrow(refused(0));
  });

  it('pads storage slots', () => {
    expect(params.SLOT.decode('0xA', 0)).toBe(`0x${'0'.repeat(63)}a`);
    expect(() => params.SLOT.decode('0x', 1)).toThrow(refused(1));
    expect(() => params.SLOT.decode(`0x${'1'.repeat(65)}`, 1)).toThrow(refused(1));
  });

  it('reads five megabytes of digits without trouble', () => {
    expect(params.BYTES.decode(`0x${'ab'.repeat(2_500_000)}`, 0)).toHaveLength(2_500_000);
  });
});

describe('blocks', () => {
  it.each<[JsonValue | undefined, unknown]>([
    [undefined, { by: 'tag', tag: 'latest' }],
    [null, { by: 'tag', tag: 'latest' }],
    ['pending', { by: 'tag', tag: 'pending' }],
    ['0x10', { by: 'number', number: 16 }],
    [HASH, { by: 'hash', hash: HASH.toLowerCase(), requireCanonical: false }],
    [
      { blockHash: HASH, requireCanonical: true },
      { by: 'hash', hash: HASH.toLowerCase(), requireCanonical: true },
    ],
    [{ blockNumber: '0x1' }, { by: 'number', number: 1 }],
    [{ blockNumber: 'safe' }, { by: 'tag', tag: 'safe' }],
  ])('reads %j', (value, selector) => {
    expect(BLOCK_OR_LATEST.decode(value, 1)).toEqual(selector);
  });

  it.each<[JsonValue]>([
    ['newest'],
    ['0x01'],
    [1],
    [[]],
    [{}],
    [{ blockHash: HASH, blockNumber: '0x1' }],
    [{ blockHash: '0x1' }],
  ])('refuses %j', (value) => {
    expect(() => BLOCK_OR_LATEST.decode(value, 1)).toThrow(refused(1));
  });
});

describe('transaction objects', () => {
  it('reads every field', () => {
    const accessList = [{ address: BOB, storageKeys: [HASH.toLowerCase()] }];
    const fields = {
      from: ALICE,
      to: BOB,
      value: '0x5',
      input: '0x01',
      gas: '0x5208',
      maxFeePerGas: '0x3',
      accessList,
    };
    const sent = { ...fields, maxPriorityFeePerGas: '0x2', nonce: '0x7', type: '0x2', chainId: '0x7a69' };
    expect(SEND.decode(sent, 0)).toEqual({
      from: ALICE,
      to: BOB,
      value: 5n,
      data: Buffer.from([1]),
      gasLimit: 21000,
      maxFeePerGas: 3n,
      maxPriorityFeePerGas: 2n,
      accessList,
      nonce: 7,
      type: 2,
    });
  });

  it.each<[string, JsonValue]>([
    ['transaction', 'text'],
    ['value', { value: '5' }],
    ['to', { to: '0x5' }],
    ['from', { from: 1 }],
    ['`input` and `data` differ', { input: '0x01', data: '0x02' }],
    ['both gasPrice and', { gasPrice: '0x1', maxFeePerGas: '0x1' }],
    ['max priority fee per gas higher', { maxFeePerGas: '0x1', maxPriorityFeePerGas: '0x2' }],
    ['chainId', { chainId: '0x1' }],
    ['accessList', { accessList: {} }],
    ['storageKeys', { accessList: [{ address: ALICE, storageKeys: 'x' }] }],
    ['more than', { accessList: [{ address: ALICE, storageKeys: Array(5000).fill(HASH) as string[] }] }],
  ])('refuses a bad one, naming %s', (text, value) => {
    expect(() => CALL.decode(value, 0)).toThrow(refused(0, text));
  });

  it('takes "all the gas there is" and equal input and data', () => {
    const request = CALL.decode({ gas: '0xffffffffffffffff', input: '0x01', data: '0x01' }, 0);
    expect(request).toEqual({ gasLimit: Number.MAX_SAFE_INTEGER, data: Buffer.from([1]) });
  });

  it.each<[string, JsonValue]>([
    ['`from` is missing', { to: BOB }],
    ['0x0, 0x1 or 0x2', { from: ALICE, to: BOB, type: '0x3' }],
    ['creates a contract', { from: ALICE }],
  ])('sends nothing when %s', (text, value) => {
    expect(() => SEND.decode(value, 0)).toThrow(refused(0, text));
  });
});
