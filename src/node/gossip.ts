import type { Engine } from '../../consensus/api/engine.ts';
import type { Chain } from '../chain/chain.ts';
import type { TransactionCache } from '../chain/transaction-cache.ts';
import { decodeBlockWithProof, encodeBlockWithProof } from '../codec/block.ts';
import { decodeEvidence, encodeEvidence } from '../codec/evidence.ts';
import { decodeMessage, encodeMessage } from '../codec/message.ts';
import { decodeRlp, encodeRlp } from '../codec/rlp.ts';
import type { Mempool } from '../mempool/mempool.ts';
import type { Clock, TimerHandle, Timers } from '../ports/clock.ts';
import type { GossipTopic, GossipVerdict, Network } from '../ports/network.ts';
import type { Block } from '../types/block.ts';
import type { Evidence } from '../types/evidence.ts';
import type { SignedMessage } from '../types/message.ts';
import type { Bytes, PeerId } from '../types/primitives.ts';
import type { Transaction } from '../types/transaction.ts';
import { CodecError, errorText } from '../util/errors.ts';
import type { Log } from '../util/log.ts';
import type { BadBlocks } from './bad-blocks.ts';
import type { Delivery } from './block-intake.ts';
import type { EngineEventBody } from './driver.ts';
import type { EvidencePool } from './evidence-pool.ts';
import type { MessageVerifier } from './message-verifier.ts';

/** Transactions travel in batches: the cost of gossip is per message. */
export const GOSSIP_BATCH_TRANSACTIONS_MAX = 256;
const GOSSIP_BATCH_BYTES_MAX = 512 * 1024;
/** A single transaction leaves almost at once; under load batches follow each other at this distance. */
const GOSSIP_BATCH_DELAY_MS = 5;
const GOSSIP_BATCH_INTERVAL_MS = 50;
/** Waiting to be sent; past it transactions are left to the pool exchange and rebroadcast. */
const OUTBOX_TRANSACTIONS_MAX = 20_000;

/** Refusals that depend on nothing but the transaction and the chain's constants. */
const NEVER_VALID: ReadonlySet<string> = new Set([
  'POOL_WRONG_CHAIN',
  'POOL_GAS_LIMIT',
  'POOL_INTRINSIC_GAS',
  'POOL_INIT_CODE_SIZE',
]);

const MESSAGE_TAG = 0;
const EVIDENCE_TAG = 1;

export type GossipModules = {
  readonly network: Network;
  readonly engine: Engine;
  readonly chain: Chain;
  readonly pool: Mempool;
  readonly transactions: TransactionCache;
  readonly verifier: MessageVerifier;
  readonly evidence: EvidencePool;
  readonly badBlocks: BadBlocks;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly post: (event: EngineEventBody) => void;
  readonly accept: (block: Block, delivery: Delivery) => Promise<unknown>;
};

/**
 * What this node says to all and hears from all. Inbound: the cheap check answers the network (forward, blame or drop), and
 * the work is done in another turn, so that a block is on its way before it is executed. Outbound: transactions in batches.
 */
export class Gossip {
  readonly #modules: GossipModules;
  #outbox: Bytes[] = [];
  #flush: TimerHandle | null = null;
  #flushedAt = 0;
  #stopped = false;

  constructor(modules: GossipModules) {
    this.#modules = modules;
  }

  stop(): void {
    this.#stopped = true;
    this.#flush?.cancel();
  }

  receive(topic: Exclude<GossipTopic, 'limits'>, data: Bytes, from: PeerId): GossipVerdict | Promise<GossipVerdict> {
    if (this.#stopped) return 'ignore';
    try {
      if (topic === 'block') return this.#receiveBlock(data, from);
      if (topic === 'transactions') return this.#receiveTransactions(data);
      return this.#receiveConsensus(data, from);
    } catch (error) {
      // Bytes that are not what they claim to be are the sender's fault; anything else is ours.
      if (error instanceof CodecError) return 'reject';
      this.#modules.log.error('gossip handler failed', { topic, reason: errorText(error) });
      return 'ignore';
    }
  }

  publishBlock(block: Block, justification: Bytes | null): void {
    const data = encodeBlockWithProof(justification === null ? { block } : { block, justification });
    this.#modules.network.publish('block', data);
  }

  publishMessage(message: SignedMessage): void {
    this.#modules.network.publish('consensus', tagged(MESSAGE_TAG, encodeMessage(message)));
  }

  publishEvidence(evidence: Evidence): void {
    this.#modules.network.publish('consensus', tagged(EVIDENCE_TAG, encodeEvidence(evidence)));
  }

  /** Sent with others, within GOSSIP_BATCH_INTERVAL_MS. */
  queueTransaction(transaction: Transaction): void {
    if (this.#stopped || this.#outbox.length >= OUTBOX_TRANSACTIONS_MAX) return;
    this.#outbox.push(transaction.raw);
    if (this.#flush !== null) return;
    const { clock, timers } = this.#modules;
    const sinceMs = Math.max(0, clock.now() - this.#flushedAt);
    const delayMs = Math.max(GOSSIP_BATCH_DELAY_MS, GOSSIP_BATCH_INTERVAL_MS - sinceMs);
    this.#flush = timers.after(delayMs, () => this.#flushTransactions());
  }

  #flushTransactions(): void {
    this.#flush = null;
    this.#flushedAt = this.#modules.clock.now();
    const outbox = this.#outbox;
    this.#outbox = [];
    let batch: Bytes[] = [];
    let sizeBytes = 0;
    for (const raw of outbox) {
      if (batch.length >= GOSSIP_BATCH_TRANSACTIONS_MAX || sizeBytes + raw.length > GOSSIP_BATCH_BYTES_MAX) {
        this.#modules.network.publish('transactions', encodeRlp(batch));
        batch = [];
        sizeBytes = 0;
      }
      batch.push(raw);
      sizeBytes += raw.length;
    }
    if (batch.length > 0) this.#modules.network.publish('transactions', encodeRlp(batch));
  }

  #receiveBlock(data: Bytes, from: PeerId): GossipVerdict {
    const { chain, clock, timers, accept, log } = this.#modules;
    const { block, justification } = decodeBlockWithProof(data);
    const delivery: Delivery = { origin: 'gossip', justification: justification ?? null, peer: from };
    const check = chain.preCheck(block, { ...delivery, now: clock.now() });
    if (check.verdict === 'reject') {
      log.warn('gossiped block refused', { code: check.code, number: block.header.number, peer: from });
      this.#modules.badBlocks.add(block, check.code ?? '', false);
      return 'reject';
    }
    // `ignore` may still become valid (a parent under way, a clock ahead): not forwarded, but tried.
    if (check.retain) {
      timers.after(0, () => {
        if (this.#stopped) return;
        accept(block, delivery).catch((error: unknown) => log.error('import failed', { reason: errorText(error) }));
      });
    }
    return check.verdict;
  }

  /**
   * The pool is the check: what it could never take is the sender's fault, for an honest node's own pool would have refused it; a batch
   * of which it takes nothing goes no further, so that junk is not carried for free.
   */
  #receiveTransactions(data: Bytes): GossipVerdict | Promise<GossipVerdict> {
    const { transactions, pool } = this.#modules;
    const items = decodeRlp(data);
    if (!Array.isArray(items) || items.length === 0 || items.length > GOSSIP_BATCH_TRANSACTIONS_MAX) return 'reject';
    const batch: Transaction[] = [];
    for (const raw of items as readonly unknown[]) {
      if (!(raw instanceof Uint8Array)) return 'reject';
      batch.push(transactions.resolve(raw));
    }
    return pool.addMany(batch, 'gossip').then((admitted): GossipVerdict => {
      if (admitted.some(({ refusal }) => refusal !== null && NEVER_VALID.has(refusal.code))) return 'reject';
      return admitted.some(({ refusal }) => refusal === null) ? 'accept' : 'ignore';
    });
  }

  #receiveConsensus(data: Bytes, from: PeerId): GossipVerdict {
    const payload = data.subarray(1);
    if (data[0] === EVIDENCE_TAG) {
      const evidence = decodeEvidence(payload);
      const admission = this.#modules.evidence.add(evidence);
      return admission === 'taken' ? 'accept' : admission === 'false' ? 'reject' : 'ignore';
    }
    if (data[0] !== MESSAGE_TAG) return 'reject';
    const { engine, verifier, post } = this.#modules;
    const message = decodeMessage(payload);
    // The envelope first, which costs one recovery: what is inside may cost many, and is then somebody's word.
    if (!verifier.verify(message)) return 'reject';
    const verdict = engine.checkMessage(message);
    if (verdict.kind === 'reject') return 'reject';
    if (verdict.kind === 'ignore') return 'ignore';
    post({ type: 'message', message, peer: from });
    return verdict.kind === 'accept' ? 'accept' : 'ignore';
  }
}

function tagged(tag: number, payload: Bytes): Bytes {
  const bytes = Buffer.allocUnsafe(payload.length + 1);
  bytes[0] = tag;
  bytes.set(payload, 1);
  return bytes;
}
