import { execFileSync } from 'node:child_process';
import * as fc from 'fast-check';
import { computeAddress, SigningKey } from 'ethers';
import { describe, expect, it } from 'vitest';
import { keccak256 } from '../../../src/crypto/keccak.ts';
import {
  addressOf,
  backendName,
  isPrivateKey,
  isSignatureInRange,
  randomPrivateKey,
  recoverAddress,
  Secp256k1,
  signDigest,
} from '../../../src/crypto/secp256k1.ts';
import { BACKENDS, loadBackend, selectBackend } from '../../../src/crypto/secp256k1/select.ts';
import type { Hash } from '../../../src/types/primitives.ts';
import { fromHex, toHex } from '../../../src/util/hex.ts';

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const FIELD = 2n ** 256n - 2n ** 32n - 977n;
const GENERATOR_X = 0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798n;

const backends = await Promise.all(BACKENDS.map(async (name) => new Secp256k1(await loadBackend(name))));

const word = (n: bigint): Uint8Array => fromHex(`0x${n.toString(16).padStart(64, '0')}`);
const signature = (r: bigint, s: bigint, id: number): Uint8Array =>
  Buffer.concat([word(r), word(s), Uint8Array.of(id)]);
const digestOf = (text: string): Hash => keccak256(Buffer.from(text));

/** What all backends answer; fails where they differ. */
function recoverWithAll(digest: Uint8Array, sig: Uint8Array): string | null {
  const [first, ...others] = backends.map((backend) => backend.recover(digest, sig.subarray(0, 64), sig[64] ?? 2));
  for (const other of others) expect(other).toBe(first);
  return first ?? null;
}

const privateKeys = fc
  .oneof(fc.bigInt(1n, ORDER - 1n), fc.constantFrom(1n, 2n, ORDER - 1n, ORDER / 2n))
  .map((scalar) => word(scalar));
const digests = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe('all backends', () => {
  it('are there on this platform', () => {
    expect(backends.map((backend) => backend.name)).toEqual(['native', 'wasm', 'noble']);
  });

  it('sign alike, low, and as ethers does, and recover the signer', () => {
    fc.assert(
      fc.property(digests, privateKeys, (digest, privateKey) => {
        const [first, ...others] = backends.map((backend) => backend.sign(digest, privateKey));
        if (first === undefined) throw new Error('no backend');
        for (const other of others) expect(toHex(other)).toBe(toHex(first));
        const oracle = new SigningKey(toHex(privateKey)).sign(digest);
        expect(toHex(first)).toBe(`${oracle.r}${oracle.s.slice(2)}0${oracle.yParity}`);
        expect(recoverWithAll(digest, first)).toBe(computeAddress(toHex(privateKey)).toLowerCase());
        for (const backend of backends) expect(backend.addressOf(privateKey)).toBe(addressOf(privateKey));
      }),
      { numRuns: 60 },
    );
  });

  /** Sees that all answer alike, and with null where EIP-2 wants it. */
  const checkOne = (digest: Uint8Array, r: bigint, s: bigint, id: number): string | null => {
    const answer = recoverWithAll(digest, signature(r, s, id));
    const inRange = id < 2 && r > 0n && r < ORDER && s > 0n && s <= ORDER / 2n;
    expect(inRange ? null : answer).toBeNull();
    return answer;
  };

  it('agree on random bytes as signatures', () => {
    const any = fc.bigInt(0n, 2n ** 256n - 1n);
    fc.assert(
      fc.property(digests, any, any, fc.integer({ min: 0, max: 3 }), (digest, r, s, id) => {
        checkOne(digest, r, s, id);
      }),
      { numRuns: 150 },
    );
  });

  it('agree on every pair of edge values', () => {
    const half = ORDER / 2n;
    const edges = [
      0n,
      1n,
      2n,
      half,
      half + 1n,
      ORDER - 1n,
      ORDER,
      ORDER + 1n,
      FIELD - ORDER,
      FIELD,
      2n ** 256n - 1n,
      GENERATOR_X,
    ];
    const digest = fromHex(digestOf('edges'));
    const answers = edges.flatMap((r) =>
      edges.flatMap((s) => [0, 1, 2, 3, 27, 255].map((id) => checkOne(digest, r, s, id))),
    );
    // r = 1, 2 or the generator's x are on the curve: the loop does not pass by refusing everything.
    expect(answers.filter((answer) => answer !== null).length).toBeGreaterThan(0);
  });

  it('refuse an r that is no x of the curve', () => {
    // 5 is the smallest: 5^3 + 7 is not a square modulo the field’s prime.
    for (const id of [0, 1]) expect(recoverWithAll(fromHex(digestOf('x')), signature(5n, 1n, id))).toBeNull();
  });

  it('refuse a signature whose key would be the point at infinity', () => {
    // With R = G (nonce 1) and s = digest, Q = (sR - digest G) / r is infinity.
    const digest = 0x1234567890abcdefn;
    expect(recoverWithAll(word(digest), signature(GENERATOR_X, digest, 0))).toBeNull();
    expect(recoverWithAll(word(digest), signature(GENERATOR_X, digest + 1n, 0))).not.toBeNull();
  });

  it('take digests of zero and above the order', () => {
    // Above the order they may choose another nonce (one reduces the digest first), so only the meaning is compared.
    const privateKey = word(7n);
    for (const digest of [word(0n), word(ORDER), word(2n ** 256n - 1n)]) {
      for (const backend of backends) {
        expect(recoverWithAll(digest, backend.sign(digest, privateKey))).toBe(addressOf(privateKey));
      }
    }
  });

  it('refuse wrong lengths', () => {
    const good = signDigest(digestOf('a'), word(7n));
    for (const backend of backends) {
      expect(backend.recover(new Uint8Array(31), good.subarray(0, 64), 0)).toBeNull();
      expect(backend.recover(new Uint8Array(33), good.subarray(0, 64), 0)).toBeNull();
      expect(backend.recover(new Uint8Array(32), good.subarray(0, 63), 0)).toBeNull();
      expect(backend.recover(new Uint8Array(32), good, 0)).toBeNull();
      expect(() => backend.sign(new Uint8Array(31), word(7n))).toThrow(/32 bytes/);
      for (const bad of [new Uint8Array(32), word(ORDER), new Uint8Array(31), new Uint8Array(33).fill(1)]) {
        expect(() => backend.sign(new Uint8Array(32), bad)).toThrow(/private key/);
        expect(() => backend.addressOf(bad)).toThrow(/private key/);
      }
    }
  });
});

describe('recoverAddress', () => {
  const privateKey = word(0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80n);
  const digest = digestOf('hello');
  const good = signDigest(digest, privateKey);

  it('names the signer', () => {
    expect(recoverAddress(digest, good)).toBe('0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266');
  });

  it('refuses the same signature turned high (EIP-2)', () => {
    const s = BigInt(toHex(good.subarray(32, 64)));
    const turned = signature(BigInt(toHex(good.subarray(0, 32))), ORDER - s, 1 - (good[64] ?? 0));
    expect(recoverAddress(digest, turned)).toBeNull();
    // It would name the same signer: this is the malleability that is refused.
    expect(new Secp256k1(backendWithoutChecks()).recover(fromHex(digest), turned.subarray(0, 64), 0)).toBeNull();
  });

  it('refuses short and long input', () => {
    for (const bad of [new Uint8Array(0), good.subarray(0, 64), Buffer.concat([good, Uint8Array.of(0)])]) {
      expect(recoverAddress(digest, bad)).toBeNull();
    }
    for (const bad of ['0x', digest.slice(0, 64), `${digest}00`, `0x${'zz'.repeat(32)}`]) {
      expect(recoverAddress(bad as Hash, good)).toBeNull();
    }
  });
});

/** Would say yes to anything: what gets past the range check reaches it. */
function backendWithoutChecks(): ConstructorParameters<typeof Secp256k1>[0] {
  const publicKey = new Uint8Array(65).fill(4);
  return { name: 'native', recover: () => publicKey, sign: () => new Uint8Array(65), publicKey: () => publicKey };
}

describe('keys', () => {
  it('are in [1, n)', () => {
    for (const bad of [word(0n), word(ORDER), word(2n ** 256n - 1n), new Uint8Array(31).fill(1), new Uint8Array(0)]) {
      expect(isPrivateKey(bad)).toBe(false);
    }
    for (const good of [1n, ORDER - 1n]) expect(isPrivateKey(word(good))).toBe(true);
  });

  it('are random, whole and apart in memory', () => {
    const [a, b] = [randomPrivateKey(), randomPrivateKey()];
    expect(isPrivateKey(a)).toBe(true);
    expect(toHex(a)).not.toBe(toHex(b));
    expect(a.buffer.byteLength).toBe(32);
  });
});

it('knows the range of signatures', () => {
  expect(isSignatureInRange(Buffer.concat([word(1n), word(ORDER / 2n)]))).toBe(true);
  expect(isSignatureInRange(Buffer.concat([word(1n), word(ORDER / 2n + 1n)]))).toBe(false);
});

describe('the choice of a backend', () => {
  it('is native where there is one', async () => {
    expect((await selectBackend(undefined)).name).toBe('native');
    expect((await selectBackend('')).name).toBe('native');
  });

  it('can be forced, and only to one there is', async () => {
    for (const name of BACKENDS) expect((await selectBackend(name)).name).toBe(name);
    await expect(selectBackend('elliptic')).rejects.toMatchObject({ code: 'CONFIG', data: { path: 'PARLEY_CRYPTO' } });
  });

  it('is made at load from PARLEY_CRYPTO', () => {
    const url = new URL('../../../src/crypto/secp256k1.ts', import.meta.url).href;
    const script = `import { backendName } from ${JSON.stringify(url)}; process.stdout.write(backendName());`;
    const run = (forced: string): string =>
      execFileSync(process.execPath, ['--input-type=module', '--no-warnings', '-e', script], {
        env: { ...process.env, PARLEY_CRYPTO: forced },
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    expect(run('wasm')).toBe('wasm');
    expect(run('noble')).toBe('noble');
    expect(() => run('elliptic')).toThrow(/PARLEY_CRYPTO/);
    expect(BACKENDS).toContain(backendName());
  });
});
