import { keccak256 } from '../../src/crypto/keccak.ts';
import type { Hash, Millis } from '../../src/types/primitives.ts';
import type { Cluster } from './cluster.ts';
import type { SimNode } from './node.ts';

/** After the healing everything must be well within this time; where finality is a number of blocks, it takes that many. */
const RECOVERY_MS_MAX: Millis = 120_000;
const RECOVERY_BY_CONFIRMATIONS_MS_MAX: Millis = 300_000;
const CHECK_EVERY_MS: Millis = 1_000;
/** Events that wait, per node, when all is well. */
const EVENTS_WAITING_PER_NODE_MAX = 2_000;
/** Blocks in a tree beyond those that finality by its nature leaves there. */
const TREE_BLOCKS_WHEN_WELL_MAX = 64;

/** The liveness phase, of a cluster that was healed. Gives the time it took; null, and violations, when it took too long. */
export async function recover(cluster: Cluster): Promise<Millis | null> {
  const { clock, trace, engine } = cluster;
  const healedAt = clock.now();
  const isByConfirmations = engine.factory.traits.finality === 'confirmations';
  const recoveryMsMax = isByConfirmations ? RECOVERY_BY_CONFIRMATIONS_MS_MAX : RECOVERY_MS_MAX;
  for (const client of cluster.clients) client.finish();
  // What was the highest head at the healing must be passed by finality.
  const goal = Math.max(...cluster.honest.map(headNumber)) + 1;
  for (;;) {
    await clock.runFor(CHECK_EVERY_MS);
    const faults = whatIsWrong(cluster, goal);
    if (faults.length === 0) break;
    if (clock.now() - healedAt < recoveryMsMax) continue;
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
    const unfinal = chain.head.number - chain.finalized.number;
    if (chain.tree.size > TREE_BLOCKS_WHEN_WELL_MAX + 2 * unfinal) {
      cluster.trace.violated('MEMORY', `${node.name} keeps ${chain.tree.size} blocks when all is well`);
    }
  }
}
