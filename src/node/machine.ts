import type { BlockNode } from '../chain/block-node.ts';
import { isPunishableAt } from '../execution/punish.ts';
import type { Network, RequestProtocol } from '../ports/network.ts';
import type { Offence } from '../types/evidence.ts';
import { ZERO_ADDRESS, type Bytes, type PeerId } from '../types/primitives.ts';
import { unreachable } from '../util/assert.ts';
import { CodecError, errorText } from '../util/errors.ts';
import type { Log } from '../util/log.ts';
import { BadBlocks } from './bad-blocks.ts';
import { BlockFetch } from './block-fetch.ts';
import { BlockIntake } from './block-intake.ts';
import { BlockJobs } from './block-jobs.ts';
import { answerHash, answerRange, type BlockSource } from './block-server.ts';
import type { CoreModules, Ledger } from './core.ts';
import { Driver, type EngineEventBody } from './driver.ts';
import { Effects } from './effects.ts';
import { EvidencePool } from './evidence-pool.ts';
import { Gossip } from './gossip.ts';
import { PoolExchange } from './pool-exchange.ts';
import type { StatusMessage } from './status-message.ts';
import { RateExchange } from './rate-exchange.ts';
import { Rebroadcast } from './rebroadcast.ts';
import { Sync } from './sync.ts';

export type MachineModules = Omit<CoreModules, 'network'> & { readonly network: Network };

/**
 * A node in motion: the driver and what it drives. Start order: replay what is stored above finality, take back the journal, open the
 * network, let the engine speak. Stop order is the reverse, so that nothing arrives at a part that is gone.
 */
export class Machine {
  readonly ledger: Ledger;
  readonly network: Network;
  readonly driver: Driver;
  readonly sync: Sync;
  readonly rateExchange: RateExchange;
  readonly evidence: EvidencePool;
  readonly badBlocks = new BadBlocks();
  readonly #modules: MachineModules;
  readonly #log: Log;
  readonly #intake: BlockIntake;
  readonly #fetch: BlockFetch;
  readonly #effects: Effects;
  readonly #gossip: Gossip;
  readonly #exchange: PoolExchange;
  readonly #rebroadcast: Rebroadcast;
  readonly #faultListeners = new Set<(reason: string) => void>();
  readonly #post = (event: EngineEventBody): void => void this.driver.post(event);

  constructor(ledger: Ledger, modules: MachineModules) {
    const { chain, pool, engine, transactions } = ledger;
    const { clock, timers, metrics, network, random, log } = modules;
    const post = this.#post;
    this.ledger = ledger;
    this.network = network;
    this.rateExchange = new RateExchange(network);
    this.#modules = modules;
    this.#log = log.child('node');
    const { rules } = chain.env;
    const isPunishable = (at: BlockNode, offence: Offence): boolean => isPunishableAt(rules, at.executed, offence);
    this.evidence = new EvidencePool({
      judge: (item) => rules.judge(item),
      isPunishable: (offence) => isPunishable(chain.head, offence),
    });
    chain.onFinalized(() => this.evidence.prune((offence) => isPunishable(chain.finalized, offence)));
    this.#intake = new BlockIntake({
      chain,
      network,
      clock,
      timers,
      post,
      log: log.child('import'),
      missing: (hash, peer) => this.sync.missing(hash, peer),
      badBlocks: this.badBlocks,
    });
    this.#fetch = new BlockFetch({
      network,
      intake: this.#intake,
      has: (hash) => chain.has(hash),
      random,
      log: log.child('fetch'),
    });
    this.#gossip = this.#createGossip();
    this.#effects = this.#createEffects();
    this.driver = new Driver({
      engine,
      clock,
      metrics,
      effects: this.#effects,
      log: log.child('consensus'),
      onFault: (reason) => {
        for (const listener of this.#faultListeners) listener(reason);
      },
    });
    this.#rebroadcast = new Rebroadcast({
      timers,
      pool,
      queue: (transaction) => this.#gossip.queueTransaction(transaction),
    });
    this.#exchange = new PoolExchange({ network, pool, transactions, log: log.child('pool-exchange') });
    this.sync = this.#createSync();
  }

  #createGossip(): Gossip {
    const { chain, pool, engine, transactions, verifier } = this.ledger;
    const { network, clock, timers, log } = this.#modules;
    return new Gossip({
      network,
      engine,
      chain,
      pool,
      transactions,
      verifier,
      clock,
      timers,
      evidence: this.evidence,
      badBlocks: this.badBlocks,
      post: this.#post,
      accept: (block, delivery) => this.#intake.accept(block, delivery),
      log: log.child('gossip'),
    });
  }

  #createEffects(): Effects {
    const { chain, pool, context, signer, transactions, votes } = this.ledger;
    const { network, work, clock, timers, metrics, log } = this.#modules;
    const { evidence } = this;
    const post = this.#post;
    const jobs = new BlockJobs(
      { beneficiary: signer?.address ?? ZERO_ADDRESS },
      { chain, pool, evidence, clock, timers, post, log: log.child('build') },
    );
    return new Effects(
      { context },
      {
        chain,
        jobs,
        evidence,
        network,
        signer,
        work,
        votes,
        clock,
        timers,
        metrics,
        post,
        gossip: this.#gossip,
        log: log.child('consensus'),
        importOwn: async (block, built) => {
          const resolved = block.body.transactions.map((raw) => transactions.resolve(raw));
          const prepared = { executed: built.executed, transactions: resolved };
          const outcome = await this.#intake.accept(block, {
            origin: 'own',
            justification: null,
            peer: null,
            prepared,
          });
          if (outcome.kind === 'invalid') throw new Error(`own block refused: ${outcome.code}`);
        },
        behind: () => this.sync.behind(),
        fetch: (hash, peer) => this.#fetch.want(hash, peer),
      },
    );
  }

  #createSync(): Sync {
    const { chain, settings } = this.ledger;
    const { network, clock, timers, random, log } = this.#modules;
    // Where a block needs a proof, having it without one is not having it.
    const { needsJustification } = settings.factory.traits;
    return new Sync({
      network,
      clock,
      timers,
      random,
      needsJustification,
      post: this.#post,
      intake: this.#intake,
      chain: {
        head: () => ({ hash: chain.head.hash, number: chain.head.number }),
        finalized: () => ({ hash: chain.finalized.hash, number: chain.finalized.number }),
        has: (hash) => (needsJustification ? chain.isFinal(hash) : chain.has(hash)),
      },
      status: () => this.#status(),
      idle: () => this.driver.idle(),
      log: log.child('sync'),
      onPeer: (peer) => void this.#exchange.fetchFrom(peer),
    });
  }

  onFault(listener: (reason: string) => void): void {
    this.#faultListeners.add(listener);
  }

  async start(): Promise<void> {
    await this.open();
    await this.join();
  }

  /** Replays and takes back the journal: from here on reads and submissions are good. */
  async open(): Promise<void> {
    const { pool } = this.ledger;
    await this.#replay();
    this.#follow();
    await pool.start();
    pool.onPending((transaction, origin) => {
      if (origin !== 'gossip') this.#gossip.queueTransaction(transaction);
    });
    pool.onDemand((pendingTxs) => this.#post({ type: 'demand', pendingTxs }));
  }

  /** Opens the network and lets the engine speak. */
  async join(): Promise<void> {
    const { chain, pool } = this.ledger;
    await this.network.start({
      gossip: (topic, data, from) =>
        topic === 'limits' ? this.rateExchange.receive(data) : this.#gossip.receive(topic, data, from),
      request: (protocol, payload, from) => this.#answer(protocol, payload, from),
      connected: (peer) => this.sync.connected(peer),
      disconnected: (peer) => this.sync.disconnected(peer),
    });
    this.sync.start();
    this.#rebroadcast.start();
    this.#post({ type: 'ready' });
    const pendingTxs = pool.pendingCount();
    if (pendingTxs > 0) this.#post({ type: 'demand', pendingTxs });
    this.#log.info('started', {
      head: chain.head.number,
      finalized: chain.finalized.number,
      genesis: chain.genesis.hash,
    });
  }

  async stop(): Promise<void> {
    this.sync.stop();
    this.#rebroadcast.stop();
    this.#gossip.stop();
    this.#fetch.stop();
    this.#intake.stop();
    await this.#modules.work?.stop();
    await this.driver.stop();
    this.#effects.stop();
    await this.network.stop();
    await this.ledger.pool.close();
    await this.ledger.chain.close();
    await this.#modules.kv.close();
  }

  /** Stored blocks above finality pass the same door again; what was valid before the crash is in the tree after it. */
  async #replay(): Promise<void> {
    const { chain } = this.ledger;
    const { finalized } = chain;
    this.#post({
      type: 'start',
      finalized: finalized.header,
      finalizedHash: finalized.hash,
      state: finalized.executed.consensus,
      anchor: chain.anchor,
    });
    await this.driver.idle();
    for (const block of await chain.storedAboveFinality()) {
      await this.#intake.accept(block, { origin: 'replay', justification: null, peer: null });
    }
    await this.driver.idle();
  }

  #follow(): void {
    const { chain, pool } = this.ledger;
    chain.onHead(({ added, removed }) => {
      const transactionsOf = (nodes: typeof added) => nodes.map((node) => node.transactions);
      pool.onHead({ added: transactionsOf(added), removed: transactionsOf(removed) }).catch((error: unknown) => {
        this.#log.error('the pool could not follow the head', { reason: errorText(error) });
      });
      this.#rebroadcast.headMoved();
    });
    chain.onFinalized((path) => {
      const mined = path.flatMap((node) => node.transactions.map(({ hash }) => hash));
      pool.onFinalized(chain.finalized.number, mined);
    });
  }

  #status(): StatusMessage {
    const { chain, context } = this.ledger;
    const { head, finalized } = chain;
    return {
      chainId: context.chainId,
      shard: context.shard,
      genesisHash: chain.genesis.hash,
      head: { hash: head.hash, number: head.number },
      finalized: { hash: finalized.hash, number: finalized.number },
    };
  }

  /** What is no request at all costs its sender; what we can not answer does not. */
  #answer(protocol: RequestProtocol, payload: Bytes, from: PeerId): Promise<Bytes> {
    try {
      return Promise.resolve(this.#answerTo(protocol, payload, from));
    } catch (error) {
      if (error instanceof CodecError) this.network.blame(from, error.code, 'major');
      return Promise.reject(error);
    }
  }

  #answerTo(protocol: RequestProtocol, payload: Bytes, from: PeerId): Bytes {
    switch (protocol) {
      case 'status':
        return this.sync.answerStatus(payload, from);
      case 'blocks-by-range':
        return answerRange(this.#source(), payload);
      case 'blocks-by-hash':
        return answerHash(this.#source(), payload);
      case 'pooled-transactions':
        return this.#exchange.answer(payload);
      default:
        return unreachable(protocol);
    }
  }

  #source(): BlockSource {
    const { chain } = this.ledger;
    return {
      byHash: (hash) => chain.withProof(hash) ?? null,
      canonical: (number) => {
        const hash = chain.canonicalHash(number);
        return hash === undefined ? null : (chain.withProof(hash) ?? null);
      },
    };
  }
}
