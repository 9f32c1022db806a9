/**
 * Who may speak to a local port. A web page anywhere can make a browser send requests here, so: the Host header must
 * name this machine (a page that rebinds its own name to 127.0.0.1 fails), no origin is allowed unless configured,
 * and a body must be declared as JSON (which a page cannot do without asking first).
 */
import { isIP } from 'node:net';

export type AccessOptions = {
  /** Host names; `*` allows any. IP addresses are always allowed: rebinding needs a name. */
  readonly hostAllow: readonly string[];
  /** Origins that browsers may call from, such as `http://localhost:3000`; `*` allows any. */
  readonly corsOrigins: readonly string[];
};

/** Host headers found good, so that the usual one is not taken apart on every request. */
const HOSTS_REMEMBERED_MAX = 64;
/** `null` is what sandboxed pages and local files say. */
const PAGE_ORIGIN = /^(?:https?:|null$)/i;
const JSON_TYPES = new Set(['application/json', 'application/json-rpc', 'application/jsonrequest']);

export class Access {
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;
  readonly #goodHosts = new Set<string>();
  /** False: no request needs CORS headers. */
  readonly corsOpen: boolean;

  constructor(options: AccessOptions) {
    this.#hosts = new Set(options.hostAllow.map((host) => bareHost(host)));
    this.#origins = new Set(options.corsOrigins);
    this.corsOpen = options.corsOrigins.length > 0;
  }

  hostAllowed(header: string | undefined): boolean {
    if (header === undefined) return false;
    if (this.#goodHosts.has(header)) return true;
    const host = bareHost(header);
    if (!this.#hosts.has('*') && !this.#hosts.has(host) && isIP(host) === 0) return false;
    if (this.#goodHosts.size < HOSTS_REMEMBERED_MAX && header.length <= 256) this.#goodHosts.add(header);
    return true;
  }

  originAllowed(origin: string): boolean {
    return this.#origins.has('*') || this.#origins.has(origin);
  }

  /**
   * Sent by a web page that is not allowed. A page's requests never get so far if the browser asks first, as it must; this holds
   * where it does not. Other schemes are those of programs that the user installed, such as wallets in the browser.
   */
  foreignPage(origin: string | undefined): boolean {
    return origin !== undefined && PAGE_ORIGIN.test(origin) && !this.originAllowed(origin);
  }
}

export function isJsonType(contentType: string | undefined): boolean {
  if (contentType === 'application/json') return true;
  if (contentType === undefined) return false;
  const end = contentType.indexOf(';');
  return JSON_TYPES.has((end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase());
}

/** Without port, brackets or a trailing dot. */
function bareHost(header: string): string {
  const host = header.trim().toLowerCase();
  if (host.startsWith('[')) return host.slice(1, Math.max(1, host.indexOf(']')));
  if (isIP(host) === 6) return host;
  return host.replace(/:[0-9]*$/, '').replace(/\.$/, '');
}
