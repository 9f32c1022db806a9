import type { Address, Hash, JsonObject, Millis } from '../../src/types/primitives.ts';
import { Rng } from '../../src/util/rng.ts';
import type { Client } from '../sim/clients.ts';
import type { Adversary } from '../sim/adversaries.ts';
import { Cluster } from '../sim/cluster.ts';
import { drawEngine } from '../sim/engines.ts';
import { WHOLE, type CrashMoment, type SimNode } from '../sim/node.ts';

export type StoryOptions = {
  readonly engine: string;
  readonly params: JsonObject;
  readonly validators: number;
  /** None when left out. */
  readonly adversaries?: readonly Adversary[];
};

const MOMENTS: { readonly [moment in CrashMoment]: string } = {
  issued: 'it writes',
  landed: 'it has written',
  spoken: 'it has spoken',
};

/** Runs a cluster without faults of its own, and writes down what the teller wants to be seen. */
export class Story {
  readonly cluster: Cluster;
  readonly #lines: string[] = [];
  readonly #transfers: { readonly what: string; readonly hash: Hash }[] = [];

  private constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  static async begin(title: string, options: StoryOptions): Promise<Story> {
    const { engine, params, validators, adversaries = [] } = options;
    const cluster = new Cluster({
      engine: await drawEngine(engine, new Rng(1), params),
      validators,
      seed: 1,
      adversaries,
      candidate: false,
      clients: 2,
      clientPauseMs: [1, 1],
      hub: { delayMs: [5, 15] },
      journalSync: true,
      ablation: WHOLE,
      tell: null,
    });
    const story = new Story(cluster);
    story.#lines.push(title, '');
    cluster.start();
    return story;
  }

  say(text: string): void {
    this.#lines.push(`${(this.cluster.clock.elapsedMs / 1000).toFixed(1).padStart(5)} s  ${text}`);
  }

  async wait(durationMs: Millis): Promise<void> {
    await this.cluster.clock.runFor(durationMs);
  }

  node(name: string): SimNode {
    return this.cluster.node(name);
  }

  /** The power goes. */
  crash(name: string): void {
    this.node(name).crash('power');
    this.say(`${name} dies`);
  }

  /** The power goes at the `count`-th such moment from now: as it speaks, as a write is issued, or has landed. */
  crashAt(name: string, moment: CrashMoment, count = 1): void {
    this.node(name).planCrash({ moment, count, kind: 'power' });
    this.say(`${name} is going to die when ${MOMENTS[moment]}${count === 1 ? '' : `, ${count} times from now`}`);
  }

  start(name: string): void {
    this.node(name).start();
    this.say(`${name} is started again`);
  }

  /** Keeps groups of nodes apart. */
  partition(...groups: readonly (readonly string[])[]): void {
    this.cluster.hub.partition(groups);
    this.say(groups.map((group) => group.join(' ')).join(' | '));
  }

  heal(): void {
    this.cluster.hub.heal();
    this.say('the network is whole again');
  }

  /** A transfer of the first client, or of another one. */
  send(to: string, client: Client | undefined = this.cluster.clients[0]): void {
    if (client === undefined) throw new Error('there is no such client');
    const what = `transfer ${this.#transfers.length}`;
    this.say(`${what} is sent to ${to}`);
    this.#transfers.push({ what, hash: client.sendTo(this.node(to)) });
  }

  /** Heads and finality of all nodes; those that agree on one line. */
  showHeads(): void {
    const groups = new Map<string, string[]>();
    for (const node of this.cluster.nodes) {
      const chain = node.machine?.ledger.chain;
      const text =
        chain === undefined
          ? 'down'
          : `head ${this.#block(node, chain.head.hash)}, final ${this.#block(node, chain.finalized.hash)}`;
      groups.set(text, [...(groups.get(text) ?? []), node.name]);
    }
    for (const [text, names] of groups) this.say(`${names.join(' ')}: ${text}`);
  }

  /** The chain as one node sees it. */
  showChain(name: string, from = 1): void {
    const node = this.node(name);
    const chain = node.machine?.ledger.chain;
    const blocks: string[] = [];
    for (let number = from; number <= (chain?.head.number ?? 0); number++) {
      const hash = chain?.canonicalHash(number);
      if (hash !== undefined) blocks.push(this.#block(node, hash));
    }
    this.say(`${name}'s chain: ${blocks.join(' ')}`);
  }

  /** Where all transfers are, as one node sees it. */
  showTransfers(name: string): void {
    const node = this.node(name);
    const ledger = node.machine?.ledger;
    for (const { what, hash } of this.#transfers) {
      const location = ledger?.chain.transactionLocation(hash);
      const waits = ledger?.pool.has(hash) === true ? 'waits in the pool' : 'is unknown';
      this.say(
        `on ${name} ${what} ${location === undefined ? waits : `is in ${this.#block(node, location.blockHash)}`}`,
      );
    }
  }

  /** What the node's `consensus_status` says about waiting. */
  showQuorum(name: string): void {
    const quorum = this.node(name).machine?.ledger.engine.describe().quorum;
    if (quorum == null) return this.say(`${name} waits for nobody`);
    const missing = quorum.missing.map((address) => this.#nameOf(address)).sort();
    this.say(`${name} has ${quorum.have} of ${quorum.need} votes; missing: ${missing.join(' ') || 'nobody'}`);
  }

  /** What the node's `consensus_status` says of where it is; those that agree on one line. */
  showStatus(...names: readonly string[]): void {
    const groups = new Map<string, string[]>();
    for (const name of names.length > 0 ? names : this.cluster.nodes.map((node) => node.name)) {
      const text = this.#status(this.node(name));
      groups.set(text, [...(groups.get(text) ?? []), name]);
    }
    for (const [text, group] of groups) this.say(`${group.join(' ')}: ${text}`);
  }

  /** One of the details of the node's `consensus_status`. */
  showDetail(name: string, detail: string): void {
    const value = this.node(name).machine?.ledger.engine.describe().details[detail];
    this.say(`${detail} on ${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  }

  /** The story; throws when a checker found something wrong. */
  end(): string {
    const { violations } = this.cluster.trace;
    if (violations.length > 0) throw new Error(`${violations[0]?.code}: ${violations[0]?.details}`);
    return `${this.#lines.join('\n')}\n`;
  }

  #status(node: SimNode): string {
    const status = node.machine?.ledger.engine.describe();
    if (status === undefined) return 'down';
    const { clock, proposer, quorum } = status;
    const place = clock.unit === 'none' ? `head ${status.head.number}` : `${clock.unit} ${clock.value}`;
    const now = proposer.now === null ? 'nobody proposes' : `${this.#nameOf(proposer.now)} proposes`;
    const waits = quorum === null ? 'waits for nobody' : `${quorum.phase}: ${quorum.have} of ${quorum.need}`;
    return `${place}, ${now}, ${waits}`;
  }

  #block(node: SimNode, hash: Hash): string {
    const chain = node.machine?.ledger.chain;
    const header = chain?.blockByHash(hash)?.header;
    if (header === undefined) return 'unknown';
    if (header.number === 0) return 'genesis';
    const author = node.machine?.ledger.engine.author(header);
    return `${header.number}/${author === undefined ? '?' : this.#nameOf(author)}`;
  }

  #nameOf(address: Address): string {
    return this.cluster.nodes.find((node) => node.options.address === address)?.name ?? address;
  }
}
