/**
 * Every open connection, bounded in total and per address. Idle connections never keep others out: when there is no
 * room, the one that has been idle longest is closed for the newcomer, and only a house full of working connections
 * refuses. WebSockets have limits of their own and are not closed for others.
 */
import type { Socket } from 'node:net';
import { plainAddress, type TrustedProxies } from './forwarded.ts';
import type { RpcLimits } from './limits.ts';

export type Connection = {
  readonly socket: Socket;
  readonly address: string;
  /** Requests not answered yet. */
  inFlight: number;
  upgraded: boolean;
  usedMs: number;
};

export class ConnectionTable {
  readonly #limits: RpcLimits;
  readonly #proxies: TrustedProxies;
  readonly #connections = new Map<Socket, Connection>();
  readonly #perAddress = new Map<string, number>();

  /** One proxy speaks for many: only the bound of all connections holds for it. */
  constructor(limits: RpcLimits, proxies: TrustedProxies) {
    this.#limits = limits;
    this.#proxies = proxies;
  }

  get size(): number {
    return this.#connections.size;
  }

  /** False: there is no room, and the socket should be destroyed. */
  admit(socket: Socket): boolean {
    const address = plainAddress(socket.remoteAddress ?? '');
    const { connectionsMax, connectionsPerAddressMax } = this.#limits;
    const full = this.count(address) >= connectionsPerAddressMax && !this.#proxies.trusts(address);
    if (full && !this.#evict(address)) return false;
    if (this.#connections.size >= connectionsMax && !this.#evict(null)) return false;
    this.#connections.set(socket, { socket, address, inFlight: 0, upgraded: false, usedMs: performance.now() });
    this.#perAddress.set(address, this.count(address) + 1);
    socket.once('close', () => this.#remove(socket));
    return true;
  }

  of(socket: Socket): Connection | undefined {
    return this.#connections.get(socket);
  }

  count(address: string): number {
    return this.#perAddress.get(address) ?? 0;
  }

  /** Open HTTP connections that wait for nothing. */
  closeIdle(): void {
    for (const connection of this.#connections.values()) if (this.#idle(connection)) connection.socket.destroy();
  }

  closeAll(): void {
    for (const { socket } of this.#connections.values()) socket.destroy();
  }

  #evict(address: string | null): boolean {
    let oldest: Connection | null = null;
    for (const connection of this.#connections.values()) {
      if (address !== null && connection.address !== address) continue;
      if ((oldest === null || connection.usedMs < oldest.usedMs) && this.#idle(connection)) oldest = connection;
    }
    if (oldest === null) return false;
    this.#remove(oldest.socket);
    oldest.socket.destroy();
    return true;
  }

  /** An answer that nobody has read for long does not make a connection busy. */
  #idle(connection: Connection): boolean {
    if (connection.upgraded || connection.inFlight > 0) return false;
    const unread = connection.socket.writableLength > 0;
    return !unread || performance.now() - connection.usedMs > this.#limits.answerTimeoutMs;
  }

  #remove(socket: Socket): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined) return;
    this.#connections.delete(socket);
    const left = this.count(connection.address) - 1;
    if (left > 0) this.#perAddress.set(connection.address, left);
    else this.#perAddress.delete(connection.address);
  }
}
