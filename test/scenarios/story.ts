import type { Address, Hash, JsonObject, Millis } from '../../src/types/primitives.ts';
import { Rng } from '../../src/util/rng.ts';
import type { Client } from '../sim/clients.ts';
import type { Adversary } from '../sim/adversaries.ts';
import { EPOCH_MS } from '../sim/clock.ts';
import { Cluster } from '../sim/cluster.ts';
import { drawEngine } from '../sim/engines.ts';
import { WHOLE, type CrashMoment, type SimNode } from '../sim/node.ts';
import { coins, stakesAt } from '../sim/stakes.ts';

export type StoryOptions = {
  readonly engine: string;
  readonly params: JsonObject;
  readonly validators: number;
  /** None when left out. */
  readonly adversaries?: readonly Adversary[];
  /** Codes of what a checker finds wrong and the story is about. */
  readonly expected?: readonly string[];
};

const MOMENTS: { readonly [moment in CrashMoment]: string } = {
  issued: 'it writes',
  landed: 'it has written',
  spoken: 'it has spoken',
};

/** Runs a cluster without faults of its own, and writes down what the teller wants to be seen. */
export class Story {
  readonly cluster: Cluster;
  readonly #expected: ReadonlySet<string>;
  readonly #lines: string[] = [];
  readonly #transfers: { readonly what: string; readonly hash: Hash }[] = [];

  private constructor(cluster: Cluster, expected: readonly string[]) {
    this.cluster = cluster;
    this.#expected = new Set(expected);
  }

  static async begin(title: string, options: StoryOptions): Promise<Story> {
    const { engine, params, validators, adversaries = [], expected = [] } = options;
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
    const story = new Story(cluster, expected);
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
          : `head ${this.#block(node, chain.head.hash)}, ${this.#safe(node)}final ${this.#block(node, chain.finalized.hash)}`;
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

  /** Where slots make the chain, as one node sees it: a line for each epoch, `-` for a slot without a block. */
  showSlots(name: string, from = 0): void {
    const node = this.node(name);
    const chain = node.machine?.ledger.chain;
    const { blockTimeMs } = this.cluster.engine;
    const { slotsPerEpoch } = this.cluster.engine.parsed as { readonly slotsPerEpoch: number };
    const blocks = new Map<number, string>();
    for (let number = 0; number <= (chain?.head.number ?? -1); number++) {
      const hash = chain?.canonicalHash(number);
      const header = hash === undefined ? undefined : chain?.blockByHash(hash)?.header;
      if (hash === undefined || header === undefined) continue;
      blocks.set(Math.floor((header.timeMs - EPOCH_MS) / blockTimeMs), this.#block(node, hash));
    }
    const last = Math.max(...blocks.keys());
    for (let first = from - (from % slotsPerEpoch); first <= last; first += slotsPerEpoch) {
      const end = Math.min(first + slotsPerEpoch - 1, last);
      const texts = Array.from({ length: end - first + 1 }, (_, i) => blocks.get(first + i) ?? '-');
      this.say(`${name}'s epoch ${first / slotsPerEpoch}, slots ${first} to ${end}: ${texts.join(' ')}`);
    }
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

  /** Which transfers are final, as one node sees it. */
  showFinality(name: string): void {
    const chain = this.node(name).machine?.ledger.chain;
    const finalNumber = chain?.finalized.number ?? 0;
    const final = this.#transfers.filter(({ hash }) => {
      const location = chain?.transactionLocation(hash);
      const number = location === undefined ? undefined : chain?.blockByHash(location.blockHash)?.header.number;
      return number !== undefined && number <= finalNumber;
    });
    this.say(`final on ${name}: ${final.map(({ what }) => what).join(', ') || 'no transfer yet'}`);
  }

  /** Who has a say at the head, as one node sees it. */
  showSeats(name: string): void {
    const seats = this.node(name).machine?.ledger.engine.describe().validators ?? [];
    const texts = seats.map(({ address, state }) => `${this.#nameOf(address)}${state === 'jailed' ? ' (jailed)' : ''}`);
    this.say(`those with a say on ${name}: ${texts.sort().join(' ')}`);
  }

  /** What the node's `consensus_status` says about waiting. */
  showQuorum(name: string): void {
    const quorum = this.node(name).machine?.ledger.engine.describe().quorum;
    if (quorum == null) return this.say(`${name} waits for nobody`);
    const missing = quorum.missing.map((address) => this.#nameOf(address)).sort();
    const [have, need] = [this.#votes(quorum.have), this.#votes(quorum.need)];
    this.say(`${name} has ${have} of ${need} votes; missing: ${missing.join(' ') || 'nobody'}`);
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

  /** Validators' own coins at stake, by the state of each node's head, and what their accounts hold besides; those that agree on one line. */
  showStakes(...names: readonly string[]): void {
    const groups = new Map<string, string[]>();
    for (const node of names.length > 0 ? names.map((name) => this.node(name)) : this.cluster.nodes) {
      const text = this.#stakes(node);
      groups.set(text, [...(groups.get(text) ?? []), node.name]);
    }
    for (const [text, group] of groups) this.say(`stakes on ${group.join(' ')}: ${text}`);
  }

  /** What a node's chain carries as proof of offences, block by block. */
  showEvidence(name: string): void {
    const node = this.node(name);
    const chain = node.machine?.ledger.chain;
    let found = 0;
    for (let number = 1; number <= (chain?.head.number ?? 0); number++) {
      const hash = chain?.canonicalHash(number);
      const block = hash === undefined ? undefined : chain?.blockByHash(hash);
      for (const { kind, offender } of block?.body.evidence ?? []) {
        found++;
        this.say(`${this.#block(node, hash as Hash)} carries evidence (${kind}) against ${this.#nameOf(offender)}`);
      }
    }
    if (found === 0) this.say(`${name}'s chain carries no evidence`);
  }

  /** The story; throws when a checker found something wrong. */
  end(): string {
    const violations = this.cluster.trace.violations.filter(({ code }) => !this.#expected.has(code));
    if (violations.length > 0) throw new Error(`${violations[0]?.code}: ${violations[0]?.details}`);
    return `${this.#lines.join('\n')}\n`;
  }

  /** Where stake counts, a coin is a vote. */
  #votes(power: bigint): string {
    return this.cluster.engine.factory.id === 'pos' ? coins(power) : power.toString();
  }

  /** Where votes justify a block before it is final. */
  #safe(node: SimNode): string {
    const { engine } = this.cluster;
    const safe = engine.factory.staking === undefined ? undefined : node.machine?.ledger.engine.describe().safe;
    return safe === undefined ? '' : `safe ${this.#block(node, safe.hash)}, `;
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

  #stakes(node: SimNode): string {
    const head = node.machine?.ledger.chain.head;
    if (head === undefined) return 'down';
    const texts = [...stakesAt(this.cluster.engine, node).values()].map(({ address, ownWei, status, jailed }) => {
      const paidWei = head.executed.state.account(address)?.balance ?? 0n;
      return [
        `${this.#nameOf(address)} ${coins(ownWei)}`,
        ...(status === 'active' ? [] : [status]),
        ...(jailed ? ['jailed'] : []),
        ...(paidWei === 0n ? [] : [`(and ${coins(paidWei)} in its account)`]),
      ].join(' ');
    });
    return texts.sort().join(', ');
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
    const nodes = this.cluster.nodes.filter((node) => node.options.address === address);
    // Twins are one validator.
    return (nodes.length > 1 ? nodes[0]?.name.slice(0, -1) : nodes[0]?.name) ?? address;
  }
}
