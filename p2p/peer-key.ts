import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Bytes, PeerId } from '../src/types/primitives.ts';
import { ConfigError, errorText } from '../src/util/errors.ts';

/** Bytes of an Ed25519 seed (RFC 8032). */
export const PEER_KEY_BYTES = 32;

/** DER head of a PKCS#8 Ed25519 private key (RFC 8410); the seed follows. */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');
/** Identity multihash of a protobuf Ed25519 public key, as libp2p's peer id specification has it; the key follows. */
const PEER_ID_HEAD = Buffer.from('0024080112', 'hex');
const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

export function randomPeerKey(): Bytes {
  return new Uint8Array(randomBytes(PEER_KEY_BYTES));
}

/** The 32-byte public key of an Ed25519 seed. */
export function peerPublicKey(seed: Bytes): Bytes {
  if (seed.length !== PEER_KEY_BYTES) {
    throw new ConfigError(`a peer key has ${PEER_KEY_BYTES} bytes, not ${seed.length}`);
  }
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: 'der', type: 'pkcs8' });
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
  return new Uint8Array(Buffer.from(x ?? '', 'base64url'));
}

/** libp2p's text form of the peer (`12D3Koo…`). Needs no libp2p, so that addresses are known before it is loaded. */
export function peerIdOf(seed: Bytes): PeerId {
  const key = peerPublicKey(seed);
  return base58(Buffer.concat([PEER_ID_HEAD, Buffer.from([key.length]), key]));
}

/**
 * Reads the peer key at `path`, or makes one there (readable by the owner alone).
 * Throws ConfigError when the file is something else.
 */
export function loadPeerKey(path: string): Bytes {
  const made = Buffer.from(randomPeerKey());
  mkdirSync(dirname(path), { recursive: true });
  try {
    writeFileSync(path, `${made.toString('hex')}\n`, { mode: 0o600, flag: 'wx' });
    return new Uint8Array(made);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw new ConfigError(`cannot write the peer key: ${errorText(error)}`, { path });
    }
  }
  const text = readFileSync(path, 'utf8').trim();
  if (!/^[0-9a-f]{64}$/.test(text)) {
    throw new ConfigError('this file is not a peer key (64 hex digits); move it away to get a new one', { path });
  }
  return new Uint8Array(Buffer.from(text, 'hex'));
}

function base58(bytes: Uint8Array): string {
  let value = BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  let text = '';
  while (value > 0n) {
    text = `${BASE58[Number(value % 58n)] ?? ''}${text}`;
    value /= 58n;
  }
  for (const byte of bytes) {
    if (byte !== 0) break;
    text = `1${text}`;
  }
  return text;
}
