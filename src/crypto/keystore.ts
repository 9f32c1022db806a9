/**
 * Web3 Secret Storage, version 3: a private key at rest, encrypted under a password, in the JSON file that geth, cast,
 * ethers and wallets read. scrypt (or PBKDF2, read only) stretches the password to 32 bytes: the first half is the
 * AES-128-CTR key, the second goes with the ciphertext into a keccak256 that tells a wrong password from a right one.
 *
 * The file may come from anywhere, so what it asks for in work and memory is bounded.
 */
import {
  createCipheriv,
  createDecipheriv,
  pbkdf2,
  randomBytes,
  randomUUID,
  scrypt,
  timingSafeEqual,
  type ScryptOptions,
} from 'node:crypto';
import { promisify } from 'node:util';
import { scryptAsync as scryptPortable } from '@noble/hashes/scrypt.js';
import type { Bytes } from '../types/primitives.ts';
import { ConfigError, ParleyError } from '../util/errors.ts';
import { keccak256Bytes } from './keccak.ts';
import { addressOf, isPrivateKey } from './secp256k1.ts';

/** Hex without a prefix, as the format has it. */
export type Keystore = {
  readonly version: 3;
  readonly id: string;
  readonly address: string;
  readonly crypto: {
    readonly cipher: 'aes-128-ctr';
    readonly cipherparams: { readonly iv: string };
    readonly ciphertext: string;
    readonly kdf: 'scrypt';
    readonly kdfparams: {
      readonly n: number;
      readonly r: number;
      readonly p: number;
      readonly dklen: number;
      readonly salt: string;
    };
    readonly mac: string;
  };
};

/** About a third of a second and 128 MiB. */
export const SCRYPT_N_DEFAULT = 131_072;
/** Most that a file may make us use. The usual strong setting (n 262144, r 8) takes half of it. */
const SCRYPT_MEMORY_BYTES_MAX = 512 * 1024 * 1024;
const SCRYPT_P_MAX = 16;
const PBKDF2_ITERATIONS_MAX = 10_000_000;
const DERIVED_SIZE_BYTES_MAX = 64;
const SALT_SIZE_BYTES_MAX = 256;

const scryptAsync = promisify<Bytes, Bytes, number, ScryptOptions, Buffer>(scrypt);
const pbkdf2Async = promisify(pbkdf2);

/**
 * `password` counts as its UTF-8 bytes, as in geth. `n`: scrypt's cost, a power of two. Throws ParleyError
 * CRYPTO_PRIVATE_KEY for a bad key and ConfigError for a bad `n`.
 */
export async function encryptKeystore(
  privateKey: Bytes,
  password: string,
  options: { readonly n?: number } = {},
): Promise<Keystore> {
  const address = addressOf(privateKey).slice(2);
  const kdfparams = { n: options.n ?? SCRYPT_N_DEFAULT, r: 8, p: 1, dklen: 32 };
  if (!isScryptAllowed(kdfparams)) {
    throw new ConfigError('scrypt n must be a power of two from 2 to 262144', { path: 'n' });
  }
  const salt = randomBytes(32);
  const iv = randomBytes(16);
  const derived = await deriveScrypt(password, salt, kdfparams);
  const cipher = createCipheriv('aes-128-ctr', derived.subarray(0, 16), iv);
  const ciphertext = Buffer.concat([cipher.update(privateKey), cipher.final()]);
  const mac = Buffer.from(macOf(derived, ciphertext)).toString('hex');
  derived.fill(0);
  return {
    version: 3,
    id: randomUUID(),
    address,
    crypto: {
      cipher: 'aes-128-ctr',
      cipherparams: { iv: iv.toString('hex') },
      ciphertext: ciphertext.toString('hex'),
      kdf: 'scrypt',
      kdfparams: { ...kdfparams, salt: salt.toString('hex') },
      mac,
    },
  };
}

/**
 * The private key of a parsed keystore file. Throws ParleyError KEYSTORE_MALFORMED (not such a file, or one that asks
 * for too much) or KEYSTORE_PASSWORD.
 */
export async function decryptKeystore(json: unknown, password: string): Promise<Bytes> {
  const file = recordOf(json, 'file');
  if (file['version'] !== 3) throw malformed('version');
  const section = recordOf(file['crypto'] ?? file['Crypto'], 'crypto');
  if (section['cipher'] !== 'aes-128-ctr') throw malformed('crypto.cipher');
  const iv = hexOf(recordOf(section['cipherparams'], 'crypto.cipherparams')['iv'], 'crypto.cipherparams.iv', 16, 16);
  const ciphertext = hexOf(section['ciphertext'], 'crypto.ciphertext', 32, 32);
  const mac = hexOf(section['mac'], 'crypto.mac', 32, 32);
  const derived = await derive(section['kdf'], recordOf(section['kdfparams'], 'crypto.kdfparams'), password);
  try {
    if (!timingSafeEqual(macOf(derived, ciphertext), mac)) {
      throw new ParleyError('KEYSTORE_PASSWORD', 'the password does not open this keystore');
    }
    const privateKey = decrypted(ciphertext, derived.subarray(0, 16), iv);
    if (!isPrivateKey(privateKey)) throw malformed('crypto.ciphertext');
    checkAddress(file['address'], privateKey);
    return privateKey;
  } finally {
    derived.fill(0);
  }
}

/** In an array of its own: what the cipher hands out is overwritten. */
function decrypted(ciphertext: Bytes, key: Bytes, iv: Bytes): Bytes {
  const decipher = createDecipheriv('aes-128-ctr', key, iv);
  const plain = decipher.update(ciphertext);
  decipher.final();
  const own = new Uint8Array(plain);
  plain.fill(0);
  return own;
}

type ScryptParams = { readonly n: number; readonly r: number; readonly p: number; readonly dklen: number };

async function derive(kdf: unknown, params: Record<string, unknown>, password: string): Promise<Bytes> {
  const salt = hexOf(params['salt'], 'crypto.kdfparams.salt', 0, SALT_SIZE_BYTES_MAX);
  const dklen = countOf(params['dklen'], 'crypto.kdfparams.dklen', 32, DERIVED_SIZE_BYTES_MAX);
  if (kdf === 'pbkdf2') {
    const iterations = countOf(params['c'], 'crypto.kdfparams.c', 1, PBKDF2_ITERATIONS_MAX);
    if (params['prf'] !== 'hmac-sha256') throw malformed('crypto.kdfparams.prf');
    return pbkdf2Async(Buffer.from(password, 'utf8'), salt, iterations, dklen, 'sha256');
  }
  if (kdf !== 'scrypt') throw malformed('crypto.kdf');
  const scryptParams = {
    n: countOf(params['n'], 'crypto.kdfparams.n', 2, SCRYPT_MEMORY_BYTES_MAX),
    r: countOf(params['r'], 'crypto.kdfparams.r', 1, SCRYPT_MEMORY_BYTES_MAX),
    p: countOf(params['p'], 'crypto.kdfparams.p', 1, SCRYPT_P_MAX),
    dklen,
  };
  if (!isScryptAllowed(scryptParams)) throw malformed('crypto.kdfparams');
  return deriveScrypt(password, salt, scryptParams);
}

/** A power of two that stays within the bound on memory. */
function isScryptAllowed({ n, r, p }: ScryptParams): boolean {
  return (
    Number.isSafeInteger(n) && n >= 2 && Number.isInteger(Math.log2(n)) && 128 * r * (n + p) <= SCRYPT_MEMORY_BYTES_MAX
  );
}

async function deriveScrypt(password: string, salt: Bytes, params: ScryptParams): Promise<Bytes> {
  const { n, r, p, dklen } = params;
  const secret = Buffer.from(password, 'utf8');
  // RFC 7914 wants n below 2^(16 r), OpenSSL insists, yet files with n 262144 and r 1 exist: the format's own test vector is one.
  if (n >= 2 ** (16 * r))
    return scryptPortable(secret, salt, { N: n, r, p, dkLen: dklen, maxmem: SCRYPT_MEMORY_BYTES_MAX * 2 });
  // OpenSSL counts a little more than the 128 * n * r of the algorithm's own table.
  return scryptAsync(secret, salt, dklen, { N: n, r, p, maxmem: 128 * r * (n + p) + 1024 * 1024 });
}

function macOf(derived: Bytes, ciphertext: Bytes): Bytes {
  return keccak256Bytes(Buffer.concat([derived.subarray(16, 32), ciphertext]));
}

/** The address is optional in the format and has been spelt with and without prefix and checksum. */
function checkAddress(address: unknown, privateKey: Bytes): void {
  if (address === undefined || address === null || address === '') return;
  if (typeof address !== 'string') throw malformed('address');
  if (address.toLowerCase().replace(/^0x/, '') !== addressOf(privateKey).slice(2)) throw malformed('address');
}

function recordOf(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(path);
  return value as Record<string, unknown>;
}

function countOf(value: unknown, path: string, low: number, high: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < low || value > high) throw malformed(path);
  return value;
}

function hexOf(value: unknown, path: string, sizeBytesMin: number, sizeBytesMax: number): Bytes {
  if (typeof value !== 'string' || value.length > 2 + sizeBytesMax * 2) throw malformed(path);
  const digits = value.replace(/^0x/, '');
  if (digits.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(digits)) throw malformed(path);
  const bytes = Buffer.from(digits, 'hex');
  if (bytes.length < sizeBytesMin || bytes.length > sizeBytesMax) throw malformed(path);
  return bytes;
}

function malformed(path: string): ParleyError {
  return new ParleyError('KEYSTORE_MALFORMED', `not a version 3 keystore that can be opened: see ${path}`, { path });
}
