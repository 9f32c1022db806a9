/**
 * Who a request comes from, by its headers: `Authorization: Bearer <token>` or `X-Api-Key: <key>`. A token of three parts
 * is a JWT (RFC 7519) signed with HS256 and the node's own secret, as on geth's engine port: it must say when it was made,
 * within 60 s of now. Everything else is an API key, of which the node knows the SHA-256 alone: keys are long and random,
 * so nothing is to be gained by trying, and looking a hash up tells nothing of the key that it was made from.
 *
 * A token in the URL is not taken: URLs end up in the logs of proxies and the histories of browsers.
 */
import { createHash, createSecretKey, type KeyObject } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { errors, jwtVerify, type JWTPayload } from 'jose';
import { ConfigError } from '../src/util/errors.ts';
import { Lru } from '../src/util/lru.ts';
import { clientAt, type Client } from './client.ts';
import type { TrustedProxies } from './forwarded.ts';

export type ApiKey = {
  /** Unique; limits are counted under it, and logs show it. */
  readonly name: string;
  /** Of the key's text, in 64 hex digits. */
  readonly sha256: string;
  /** What it opens, whatever is open to everybody; null: just that. */
  readonly namespaces: readonly string[] | null;
};

export type JwtOptions = {
  /** 32 bytes. */
  readonly secret: Uint8Array;
  /** What a token opens; null: what is open to everybody. */
  readonly namespaces: readonly string[] | null;
};

export type AuthenticationOptions = {
  readonly keys: readonly ApiKey[];
  /** null: tokens are not known here. */
  readonly jwt: JwtOptions | null;
  /** Without a key or token nothing is answered. */
  readonly requireKey: boolean;
};

/** HTTP 401 (RFC 6750). */
export class Unauthorized {
  readonly message: string;
  /** Of the header `WWW-Authenticate`. */
  readonly challenge: string;

  constructor(message: string, challenge = 'Bearer error="invalid_token"') {
    this.message = message;
    this.challenge = challenge;
  }
}

export type Identity = Client | Unauthorized;

const ISSUED_WITHIN_S = 60;
const CLIENTS_REMEMBERED_MAX = 4096;
const SUBJECT = /^[\w.@-]{1,64}$/;
const NO_KEY = new Unauthorized('this node answers only with a key: send Authorization: Bearer <key>', 'Bearer');
const UNKNOWN_KEY = new Unauthorized('unknown key');

export class Authentication {
  readonly #keys = new Map<string, ApiKey & { readonly opens: ReadonlySet<string> | null }>();
  readonly #secret: KeyObject | null;
  readonly #tokenOpens: ReadonlySet<string> | null;
  readonly #requireKey: boolean;
  readonly #proxies: TrustedProxies;
  readonly #now: () => number;
  readonly #anybody = new Lru<string, Client>(CLIENTS_REMEMBERED_MAX);

  /**
   * `now`: milliseconds since 1970.
   * @throws ConfigError for two keys that are alike, a secret that is too short, or a key that is required while there is none.
   */
  constructor(options: AuthenticationOptions, proxies: TrustedProxies, now: () => number = () => Date.now()) {
    const { keys, jwt, requireKey } = options;
    const names = new Set<string>();
    for (const key of keys) {
      const hash = key.sha256.toLowerCase();
      if (names.has(key.name) || this.#keys.has(hash)) {
        throw new ConfigError(`API key "${key.name}" is there twice`, { path: 'rpc.api-keys-file' });
      }
      names.add(key.name);
      this.#keys.set(hash, { ...key, opens: key.namespaces === null ? null : new Set(key.namespaces) });
    }
    if (jwt !== null && jwt.secret.length !== 32) {
      throw new ConfigError('the JWT secret must have 32 bytes', { path: 'rpc.jwt-secret-file' });
    }
    if (requireKey && keys.length === 0 && jwt === null) {
      const message = 'a key is required but there is none: name an api-keys-file or a jwt-secret-file';
      throw new ConfigError(message, { path: 'rpc.require-key' });
    }
    this.#secret = jwt === null ? null : createSecretKey(jwt.secret);
    this.#tokenOpens = jwt === null || jwt.namespaces === null ? null : new Set(jwt.namespaces);
    this.#requireKey = requireKey;
    this.#proxies = proxies;
    this.#now = now;
  }

  /** Keys and tokens mean something here, so browsers may be told to send them. */
  get used(): boolean {
    return this.#keys.size > 0 || this.#secret !== null;
  }

  /** Never throws or rejects. A promise only for a JWT. */
  identify(headers: IncomingHttpHeaders, socketAddress: string): Identity | Promise<Identity> {
    const forwarded = headers['x-forwarded-for'];
    const address = this.#proxies.clientAddress(socketAddress, Array.isArray(forwarded) ? forwarded.join() : forwarded);
    const token = this.used ? tokenOf(headers) : null;
    if (token === null) return this.#requireKey ? NO_KEY : this.#withoutKey(address);
    if (this.#secret !== null && token.split('.', 4).length === 3) return this.#byToken(token, this.#secret, address);
    const key = this.#keys.get(createHash('sha256').update(token).digest('hex'));
    if (key === undefined) return UNKNOWN_KEY;
    return { id: `key:${key.name}`, address, key: key.name, namespaces: key.opens };
  }

  #withoutKey(address: string): Client {
    let client = this.#anybody.get(address);
    if (client === undefined) this.#anybody.set(address, (client = clientAt(address)));
    return client;
  }

  async #byToken(token: string, secret: KeyObject, address: string): Promise<Identity> {
    let payload: JWTPayload;
    const nowMs = this.#now();
    try {
      const options = { algorithms: ['HS256'], currentDate: new Date(nowMs), requiredClaims: ['iat'] };
      ({ payload } = await jwtVerify(token, secret, options));
    } catch (error) {
      const expired = error instanceof errors.JWTExpired;
      return new Unauthorized(
        expired ? 'the token has expired' : 'the token is not signed with HS256 and the secret of this node',
      );
    }
    const { iat = 0, sub = 'jwt' } = payload;
    if (Math.abs(iat * 1000 - nowMs) > ISSUED_WITHIN_S * 1000) {
      return new Unauthorized(
        `the token's \`iat\` is not within ${ISSUED_WITHIN_S} s of this node's clock: make a new one`,
      );
    }
    if (!SUBJECT.test(sub)) return new Unauthorized("the token's `sub` must be 1 to 64 letters, digits, . _ @ or -");
    return { id: `key:${sub}`, address, key: sub, namespaces: this.#tokenOpens };
  }
}

function tokenOf(headers: IncomingHttpHeaders): string | null {
  const bearer = /^bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return bearer;
  const key = headers['x-api-key'];
  return typeof key === 'string' && key !== '' ? key : null;
}
