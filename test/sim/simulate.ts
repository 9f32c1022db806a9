import { keccak256 } from '../../src/crypto/keccak.ts';
import type { Hash, Millis } from '../../src/types/primitives.ts';
import { Rng } from '../../src/util/rng.ts';
import { candidateRole, drawAdversaries, drawTwins, rolesOf, type Adversary } from './adversaries.ts';
import { Cluster } from './cluster.ts';
import { EPOCH_MS } from './clock.ts';
import { WHOLE, type Ablation, type SimNode } from './node.ts';
import { drawPlan } from './plan.ts';
import type { Violation } from './trace.ts';

export type SimOptions = {
  readonly engine: string;
  readonly seed: number;
  /** Validators; drawn when left out. */
  readonly nodes?: number;
  /** So many twins and no other adversaries; drawn when left out. */
  readonly twins?: number;
  /** Of the safety phase, simulated. */
  readonly durationMs?: Millis;
  readonly ablation?: Ablation;
  readonly crashesOnly?: boolean;
  /** Ends after the safety phase. */
  readonly safetyOnly?: boolean;
  readonly tell?: (line: string) => void;
};

export type SimReport = {
  readonly engine: string;
  readonly seed: number;
  readonly nodes: number;
  readonly adversaries: readonly Adversary[];
  readonly violations: readonly Violation[];
  /** Of everything that happened; equal for equal seeds and options. */
  readonly digest: string;
  readonly stats: {
    readonly events: number;
    readonly simulatedMs: Millis;
    readonly finalNumber: number;
    readonly transfers: number;
    readonly reorgs: number;
    readonly contradictions: number;
    /** From the healing to everything being well again. */
    readonly recoveryMs: Millis | null;
  };
};

const VALIDATOR_COUNTS = [1, 2, 3, 4, 4, 4, 5, 7];
export const DURATION_MS: Millis = 120_000;
/** After the healing everything must be well within this time. */
export const RECOVERY_MS_MAX: Millis = 120_000;
const CHECK_EVERY_MS: Millis = 1_000;
const HEALED_SKEW_MS_MAX: Millis = 50;
/** Events that wait, per node, when all is well. */
const EVENTS_WAITING_PER_NODE_MAX = 2_000;
const TREE_BLOCKS_WHEN_WELL_MAX = 64;

/** One seed: a safety phase with all faults, the healing, a liveness phase with a bound. Never throws for what a node does. */
export async function simulate(options: SimOptions): Promise<SimReport> {
  const { engine, seed } = options;
  const rng = new Rng(seed);
  const validators = options.nodes ?? rng.pick(VALIDATOR_COUNTS);
  const adversaries =
    options.twins === undefined ? drawAdversaries(rng, validators) : drawTwins(rng, validators, options.twins);
  const durationMs = options.durationMs ?? DURATION_MS;
  const candidate = rng.chance(0.3);
  const roles = [...rolesOf(validators, adversaries), ...(candidate ? [candidateRole(validators)] : [])];
  const plan = drawPlan(rng.fork(), { roles, durationMs, crashesOnly: options.crashesOnly === true });
  const cluster = await Cluster.create({
    seed,
    engine,
    validators,
    adversaries,
    candidate,
    clients: 3,
    clientPauseMs: [500, 5_000],
    hub: { silentCuts: plan.silentCuts },
    journalSync: plan.journalSync,
    ablation: options.ablation ?? WHOLE,
    tell: options.tell ?? null,
  });
  const { clock, trace } = cluster;
  trace.tell(
    '--',
    `seed ${seed}: ${roles.map(({ name, kind }) => `${name} ${kind}`).join(', ')}; ${JSON.stringify(cluster.engine.params)}`,
  );
  for (const { atMs, fault } of plan.faults) clock.after(atMs, () => cluster.apply(fault));
  cluster.start();
  for (const client of cluster.clients) client.start();
  await clock.runUntil(EPOCH_MS + durationMs);
  let recoveryMs: Millis | null = null;
  if (options.safetyOnly !== true) {
    const skew = rng.fork();
    cluster.heal(() => skew.between(-HEALED_SKEW_MS_MAX, HEALED_SKEW_MS_MAX));
    recoveryMs = await recover(cluster);
  }
  return {
    engine,
    seed,
    nodes: validators,
    adversaries,
    violations: trace.violations,
    digest: trace.digest(),
    stats: {
      events: clock.events,
      simulatedMs: clock.elapsedMs,
      finalNumber: cluster.checkers.finalNumber,
      transfers: cluster.clients.reduce((sum, client) => sum + client.promised.length, 0),
      reorgs: cluster.checkers.reorgs,
      contradictions: cluster.statements.contradictions,
      recoveryMs,
    },
  };
}

/** The liveness phase. null, and violations, when something is not well in time. */
async function recover(cluster: Cluster): Promise<Millis | null> {
  const { clock, trace } = cluster;
  const healedAt = clock.now();
  for (const client of cluster.clients) client.finish();
  // What was the highest head at the healing must be passed by finality.
  const goal = Math.max(...cluster.honest.map(headNumber)) + 1;
  for (;;) {
    await clock.runFor(CHECK_EVERY_MS);
    const faults = whatIsWrong(cluster, goal);
    if (faults.length === 0) break;
    if (clock.now() - healedAt < RECOVERY_MS_MAX) continue;
    for (const fault of faults) trace.violated('STUCK', fault);
    return null;
  }
  await clock.runFor(CHECK_EVERY_MS);
  const recoveryMs = clock.now() - healedAt;
  trace.tell('--', `all is well after ${recoveryMs} ms`);
  checkEnd(cluster);
  return recoveryMs;
}

function headNumber(node: SimNode): number {
  return node.machine?.ledger.chain.head.number ?? 0;
}

function whatIsWrong(cluster: Cluster, goal: number): string[] {
  const { engine, honest, clients } = cluster;
  const wrong: string[] = [];
  const lowest = Math.min(...honest.map(headNumber));
  const common = new Set(honest.map((node) => node.machine?.ledger.chain.canonicalHash(lowest)));
  const highest = Math.max(...honest.map(headNumber));
  if (common.size > 1) wrong.push(`heads differ: ${honest.map(place).join(', ')}`);
  if (highest - lowest > 1) wrong.push(`heads are apart: ${honest.map(place).join(', ')}`);
  for (const node of honest) {
    const { machine } = node;
    if (machine === null) {
      wrong.push(`${node.name} is not up`);
      continue;
    }
    const { chain } = machine.ledger;
    const { quorum } = machine.ledger.engine.describe();
    if (chain.finalized.number < goal) {
      wrong.push(
        `${node.name} has block ${chain.finalized.number} final, ${goal} is wanted; it waits for ${quorum?.missing.join(' ') ?? 'nobody'}`,
      );
    }
    const lost = clients.flatMap(({ promised }) => promised.filter((hash) => !isFinal(node, hash)));
    if (lost.length > 0)
      wrong.push(`${node.name} has not finalized ${lost.length} promised transfers, e.g. ${lost[0]}`);
  }
  const unanswered = clients.reduce((sum, client) => sum + client.unanswered, 0);
  if (unanswered > 0) wrong.push(`${unanswered} transfers got no answer`);
  if (engine.blockTimeMs > 0 && cluster.clock.pending > EVENTS_WAITING_PER_NODE_MAX * cluster.nodes.length) {
    wrong.push(`${cluster.clock.pending} events wait`);
  }
  return wrong;
}

function place(node: SimNode): string {
  const head = node.machine?.ledger.chain.head;
  return `${node.name} ${head?.number} ${head?.hash.slice(0, 10)}`;
}

function isFinal(node: SimNode, hash: Hash): boolean {
  const chain = node.machine?.ledger.chain;
  const location = chain?.transactionLocation(hash);
  if (chain === undefined || location === undefined) return false;
  const number = chain.blockByHash(location.blockHash)?.header.number;
  return number !== undefined && number <= chain.finalized.number;
}

/** The whole chain of every honest node: links, and each promised transfer once. */
function checkEnd(cluster: Cluster): void {
  const promised = new Set(cluster.clients.flatMap((client) => client.promised));
  for (const node of cluster.honest) {
    const chain = node.machine?.ledger.chain;
    if (chain === undefined) continue;
    const counts = new Map<Hash, number>();
    let parentHash: Hash | undefined;
    for (let number = 0; number <= chain.finalized.number; number++) {
      const hash = chain.canonicalHash(number);
      const block = hash === undefined ? undefined : chain.blockByHash(hash);
      if (hash === undefined || block === undefined || (number > 0 && block.header.parentHash !== parentHash)) {
        cluster.trace.violated('CHAIN_BROKEN', `${node.name} has no block ${number} that follows its parent`);
        break;
      }
      parentHash = hash;
      for (const raw of block.body.transactions) {
        const transaction = keccak256(raw);
        counts.set(transaction, (counts.get(transaction) ?? 0) + 1);
      }
    }
    for (const hash of promised) {
      if (counts.get(hash) !== 1)
        cluster.trace.violated('TRANSFER', `${node.name} has ${hash} ${counts.get(hash) ?? 0} times`);
    }
    if (chain.tree.size > TREE_BLOCKS_WHEN_WELL_MAX) {
      cluster.trace.violated('MEMORY', `${node.name} keeps ${chain.tree.size} blocks when all is well`);
    }
  }
}
