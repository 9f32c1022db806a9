import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeMessage,
  encodeMessage,
  messageDigest,
  messageSigner,
  type MessageContext,
} from '../../../src/codec/message.ts';
import { encodeRlp } from '../../../src/codec/rlp.ts';
import { addressOf, signDigest } from '../../../src/crypto/secp256k1.ts';
import { keccak256 } from '../../../src/crypto/keccak.ts';
import { MESSAGE_SIZE_BYTES_MAX, type SignedMessage } from '../../../src/types/message.ts';
import { ZERO_HASH, type Bytes } from '../../../src/types/primitives.ts';
import { fromHex } from '../../../src/util/hex.ts';
import { message as anyMessage, mutation } from './arbitraries.ts';
import { codecCodeOf, expectStrict } from './expect-strict.ts';

const context: MessageContext = { chainId: 31337, shard: 2, engineId: 'poa', genesisHash: `0x${'22'.repeat(32)}` };
const key = new Uint8Array(32).fill(7);
const payload = Buffer.from('vote');
const signed: SignedMessage = {
  from: addressOf(key),
  payload,
  signature: signDigest(messageDigest(context, payload), key),
};

describe('the digest', () => {
  it('is the hash of domain, chain, shard, engine, genesis and payload', () => {
    const list = [
      Buffer.from('parley/message/1'),
      fromHex('0x7a69'),
      Uint8Array.of(2),
      Buffer.from('poa'),
      Buffer.alloc(32, 0x22),
      payload,
    ];
    expect(messageDigest(context, payload)).toBe(keccak256(encodeRlp(list)));
  });

  it('is another in any other place', () => {
    const others = [{ chainId: 31338 }, { shard: 0 }, { engineId: 'pbft' }, { genesisHash: ZERO_HASH }].map(
      (change) => ({
        ...context,
        ...change,
      }),
    );
    for (const other of others) {
      expect(messageDigest(other, payload)).not.toBe(messageDigest(context, payload));
      expect(messageSigner(other, signed)).toBeNull();
    }
  });
});

describe('messageSigner', () => {
  it('names who signed', () => {
    expect(messageSigner(context, signed)).toBe(signed.from);
  });

  it('does not believe another name, payload or signature', () => {
    const lies: Partial<SignedMessage>[] = [
      { from: `0x${'11'.repeat(20)}` },
      { payload: Buffer.from('other') },
      { signature: new Uint8Array(65) },
      { signature: signed.signature.subarray(0, 64) },
      { signature: Uint8Array.from(signed.signature, (byte, i) => (i === 64 ? 1 - byte : byte)) },
    ];
    for (const lie of lies) expect(messageSigner(context, { ...signed, ...lie })).toBeNull();
  });
});

describe('the encoding', () => {
  it('gives messages back as they were', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        expect(decodeMessage(encodeMessage(message))).toEqual(message);
      }),
    );
  });

  it('decodes whatever bytes to what encodes to the same, or throws a CodecError', () => {
    fc.assert(
      fc.property(anyMessage, fc.array(mutation, { minLength: 1, maxLength: 3 }), (message, mutations) => {
        const changed = mutations.reduce((current: Bytes, mutate) => mutate(current), encodeMessage(message));
        expectStrict(changed, decodeMessage, encodeMessage);
      }),
      { numRuns: 800 },
    );
  });

  it('has a limit', () => {
    const overhead = encodeMessage({ ...signed, payload: new Uint8Array(60_000) }).length - 60_000;
    const largest = { ...signed, payload: new Uint8Array(MESSAGE_SIZE_BYTES_MAX - overhead) };
    expect(encodeMessage(largest)).toHaveLength(MESSAGE_SIZE_BYTES_MAX);
    expect(decodeMessage(encodeMessage(largest))).toEqual(largest);
    const larger = { ...signed, payload: new Uint8Array(largest.payload.length + 1) };
    expect(codecCodeOf(() => decodeMessage(encodeMessage(larger)))).toBe('MESSAGE_TOO_LARGE');
  });

  it('has signatures of 65 bytes with a recovery id of 0 or 1', () => {
    for (const signature of [new Uint8Array(64), new Uint8Array(66), new Uint8Array(65).fill(2), new Uint8Array(0)]) {
      expect(codecCodeOf(() => decodeMessage(encodeMessage({ ...signed, signature })))).toBe('MESSAGE_MALFORMED');
    }
    expect(codecCodeOf(() => decodeMessage(new Uint8Array(0)))).toBe('MESSAGE_MALFORMED');
  });
});
