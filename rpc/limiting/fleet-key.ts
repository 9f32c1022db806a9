import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Bytes } from '../../src/types/primitives.ts';
import { ConfigError } from '../../src/util/errors.ts';

export const SECRET_BYTES_MIN = 32;
export const MAC_BYTES = 32;
/** Of a client's tag: enough that no two clients of a fleet ever share one. */
export const TAG_BYTES = 16;

/**
 * What the nodes of one fleet know in common: it signs their messages (HMAC-SHA256, RFC 2104) and turns the names of clients into tags, so
 * that nobody outside learns or guesses an address. Each use has a key of its own, and each network has: a message means nothing elsewhere.
 */
export class FleetKey {
  readonly #messages: Bytes;
  readonly #clients: Bytes;

  /** `network`: its name, such as the hash of its genesis. Throws ConfigError for a secret that is too short. */
  constructor(secret: Bytes, network: string) {
    if (secret.length < SECRET_BYTES_MIN) {
      throw new ConfigError(
        `the secret of rpc.rate-limit.secret-file has ${secret.length} bytes, and needs ${SECRET_BYTES_MIN} random ones: openssl rand -hex 32`,
        { path: 'rpc.rate-limit.secret-file' },
      );
    }
    this.#messages = hmac(secret, Buffer.from(`parley limits message ${network}`));
    this.#clients = hmac(secret, Buffer.from(`parley limits client ${network}`));
  }

  mac(message: Bytes): Bytes {
    return hmac(this.#messages, message);
  }

  isMac(mac: Bytes, message: Bytes): boolean {
    return mac.length === MAC_BYTES && timingSafeEqual(mac, this.mac(message));
  }

  /** Hexadecimal, 2 × TAG_BYTES digits. */
  tagOf(client: string): string {
    return hmac(this.#clients, Buffer.from(client)).subarray(0, TAG_BYTES).toString('hex');
  }
}

function hmac(key: Bytes, message: Bytes): Buffer {
  return createHmac('sha256', key).update(message).digest();
}
