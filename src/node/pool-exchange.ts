import type { TransactionCache } from '../chain/transaction-cache.ts';
import { decodeRlp, encodeRlp, type RlpItem } from '../codec/rlp.ts';
import type { Mempool } from '../mempool/mempool.ts';
import type { Network } from '../ports/network.ts';
import type { Bytes, Hash, PeerId } from '../types/primitives.ts';
import type { Transaction } from '../types/transaction.ts';
import { CodecError, errorText } from '../util/errors.ts';
import { fromHex, toHex } from '../util/hex.ts';
import type { Log } from '../util/log.ts';

/**
 * The pool exchange: what gossip said before a peer was there, it asks for. A request is a list of hashes wanted; an empty
 * one asks for the hashes the other side holds. Both answers are bounded, and what comes back passes the pool's own checks.
 */

export const EXCHANGE_HASHES_MAX = 4096;
const EXCHANGE_BYTES_MAX = 2 * 1024 * 1024;
const REQUEST_TIMEOUT_MS = 5_000;

export type PoolExchangeModules = {
  readonly network: Network;
  readonly pool: Mempool;
  readonly transactions: TransactionCache;
  readonly log: Log;
};

export class PoolExchange {
  readonly #modules: PoolExchangeModules;

  constructor(modules: PoolExchangeModules) {
    this.#modules = modules;
  }

  answer(payload: Bytes): Bytes {
    const { pool } = this.#modules;
    const wanted = hashList(payload);
    if (wanted.length === 0) return encodeRlp(pool.hashes(EXCHANGE_HASHES_MAX).map((hash) => fromHex(hash)));
    const found: Bytes[] = [];
    let sizeBytes = 0;
    for (const hash of wanted) {
      const raw = pool.get(hash)?.raw;
      if (raw === undefined) continue;
      sizeBytes += raw.length + 4;
      if (sizeBytes > EXCHANGE_BYTES_MAX) break;
      found.push(raw);
    }
    return encodeRlp(found);
  }

  /** Fetches what a peer holds and this pool lacks. Failures are left to the next meeting. */
  async fetchFrom(peer: PeerId): Promise<void> {
    const { pool, network, log } = this.#modules;
    try {
      const lacking = hashList(await this.#request(peer, [])).filter((hash) => pool.get(hash) === null);
      for (let start = 0; start < lacking.length; start += 512) {
        const answer = decodeRlp(await this.#request(peer, lacking.slice(start, start + 512)));
        if (!Array.isArray(answer)) throw malformed();
        await pool.addMany(this.#decode(answer as readonly RlpItem[]), 'gossip');
      }
    } catch (error) {
      if (error instanceof CodecError) network.blame(peer, error.code, 'major');
      else log.debug('pool exchange failed', { peer, reason: errorText(error) });
    }
  }

  #request(peer: PeerId, hashes: readonly Hash[]): Promise<Bytes> {
    const payload = encodeRlp(hashes.map((hash) => fromHex(hash)));
    return this.#modules.network.request(peer, 'pooled-transactions', payload, {
      timeoutMs: REQUEST_TIMEOUT_MS,
      responseSizeBytesMax: EXCHANGE_BYTES_MAX + 64 * 1024,
    });
  }

  #decode(items: readonly RlpItem[]): Transaction[] {
    return items.map((raw) => {
      if (!(raw instanceof Uint8Array)) throw malformed();
      return this.#modules.transactions.resolve(raw);
    });
  }
}

function hashList(payload: Bytes): readonly Hash[] {
  const items = decodeRlp(payload);
  if (!Array.isArray(items) || items.length > EXCHANGE_HASHES_MAX) throw malformed();
  return (items as readonly RlpItem[]).map((item) => {
    if (!(item instanceof Uint8Array) || item.length !== 32) throw malformed();
    return toHex(item);
  });
}

function malformed(): CodecError {
  return new CodecError('EXCHANGE_MALFORMED', 'not a pool exchange');
}
