import { hashMessage, SigningKey, verifyMessage, Wallet } from 'ethers';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  personalMessageDigest,
  recoverPersonalMessage,
  signDigestForWallet,
} from '../../../src/crypto/personal-message.ts';
import { fromHex, toHex } from '../../../src/util/hex.ts';

/** The example of web3.js's documentation of accounts.sign, which EIP-191's version 0x45 is known by. */
const EXAMPLE = {
  message: Buffer.from('Some data'),
  privateKey: fromHex('0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318'),
  digest: '0x1da44b586eb0729ff70a73c326926f6ed5a25f5b056e7f47fbc6e58d86871655',
  signature:
    '0xb91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a0291c',
  address: '0x2c7536e3605d9c16a7a3d7b1898e529396a65c23',
} as const;

describe('EIP-191', () => {
  it('gives the digest and the signature of the well-known example', () => {
    expect(personalMessageDigest(EXAMPLE.message)).toBe(EXAMPLE.digest);
    expect(signDigestForWallet(EXAMPLE.digest, EXAMPLE.privateKey)).toBe(EXAMPLE.signature);
    expect(recoverPersonalMessage(EXAMPLE.message, EXAMPLE.signature)).toBe(EXAMPLE.address);
  });

  it('agrees with ethers on any message and key', () => {
    const key = fc.uint8Array({ minLength: 32, maxLength: 32 }).filter((bytes) => {
      const value = BigInt(toHex(bytes));
      return value > 0n && value < 2n ** 255n;
    });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), key, (message, privateKey) => {
        const digest = personalMessageDigest(message);
        expect(digest).toBe(hashMessage(message));
        const signature = signDigestForWallet(digest, privateKey);
        expect(signature).toBe(new SigningKey(privateKey).sign(digest).serialized);
        expect(verifyMessage(message, signature)).toBe(new Wallet(toHex(privateKey)).address);
        expect(recoverPersonalMessage(message, signature)).toBe(verifyMessage(message, signature).toLowerCase());
      }),
      { numRuns: 30 },
    );
  });

  it.each([
    ['too short', EXAMPLE.signature.slice(0, -2)],
    ['too long', `${EXAMPLE.signature}00`],
    ['with the bare recovery id', EXAMPLE.signature.replace(/1c$/, '01')],
    ['with another v', EXAMPLE.signature.replace(/1c$/, '1d')],
    ['of zeros', `0x${'00'.repeat(64)}1b`],
    ['no hex', `0x${'zz'.repeat(65)}`],
  ])('recovers nobody from a signature that is %s', (_, signature) => {
    expect(recoverPersonalMessage(EXAMPLE.message, signature as `0x${string}`)).toBeNull();
  });
});
