import { decodeSlotState, type SlotState } from '../../consensus/common/slots/slot-state.ts';
import type { BlockNode } from '../../src/chain/block-node.ts';
import { StakingLedger } from '../../src/execution/staking/ledger.ts';
import type { ValidatorRecord } from '../../src/execution/staking/record.ts';
import type { Machine } from '../../src/node/machine.ts';
import type { StateReader } from '../../src/ports/state.ts';
import { StateOverlay } from '../../src/state/overlay.ts';
import type { Address, JsonObject } from '../../src/types/primitives.ts';
import { Rng } from '../../src/util/rng.ts';
import type { Adversary } from './adversaries.ts';
import { Cluster, type ClusterOptions } from './cluster.ts';
import { drawEngine, type SimEngine } from './engines.ts';
import { WHOLE, type SimNode } from './node.ts';

/** What the staking contract has on its books, read from a node's own state. */

/** All that ever deposited, by address. Empty where validators do not stake. */
export function stakesIn(engine: SimEngine, state: StateReader): ReadonlyMap<Address, ValidatorRecord> {
  const found = new Map<Address, ValidatorRecord>();
  const rules = engine.factory.staking?.rules(engine.parsed);
  if (rules === undefined) return found;
  const ledger = new StakingLedger(new StateOverlay(state), rules);
  for (let i = 0; i < ledger.validatorCount; i++) {
    const address = ledger.validatorAt(i);
    const record = address === undefined ? undefined : ledger.validator(address);
    if (record !== undefined) found.set(record.address, record);
  }
  return found;
}

/** At the head of a node that is up. */
export function stakesAt(engine: SimEngine, node: SimNode): ReadonlyMap<Address, ValidatorRecord> {
  const state = node.machine?.ledger.chain.head.executed.state;
  return state === undefined ? new Map() : stakesIn(engine, state);
}

/** Wei as coins, without zeros at the end. */
export function coins(wei: bigint): string {
  const digits = wei.toString().padStart(19, '0');
  return `${digits.slice(0, -18)}.${digits.slice(-18)}`.replace(/\.?0+$/, '');
}

/** Absence costs nothing with these, so whoever is honest never loses anything. */
export const NOTHING_FOR_ABSENCE = { absencePpm: 0, leakAfterEpochs: 100_000 } as const;

/**
 * Nobody honest is ever slashed, on any branch that an honest node follows; where absence is free, nobody honest ever pays anything.
 * Watches heads by the `opened` of a cluster's observer.
 */
export class StakeWatch {
  readonly #engine: SimEngine;
  readonly #honest: ReadonlySet<Address>;
  readonly #isAbsenceFree: boolean;
  readonly #seen = new Set<string>();
  /** What was lost that must not be, in words. */
  readonly losses: string[] = [];

  constructor(engine: SimEngine, options: { readonly honest: ReadonlySet<Address>; readonly isAbsenceFree: boolean }) {
    this.#engine = engine;
    this.#honest = options.honest;
    this.#isAbsenceFree = options.isAbsenceFree;
  }

  get blocks(): number {
    return this.#seen.size;
  }

  opened(node: SimNode, machine: Machine): void {
    if (!node.isHonest) return;
    const { chain } = machine.ledger;
    this.check(chain.head);
    chain.onHead(({ added }) => {
      for (const block of added) this.check(block);
    });
  }

  check(block: BlockNode): void {
    if (this.#seen.has(block.hash)) return;
    this.#seen.add(block.hash);
    for (const [address, record] of stakesIn(this.#engine, block.executed.state)) {
      if (!this.#honest.has(address)) continue;
      const { slashed, penaltiesWei } = record;
      if (slashed === null && (penaltiesWei === 0n || !this.#isAbsenceFree)) continue;
      const why = slashed === null ? 'for nothing' : 'for an offence';
      this.losses.push(`${address} lost ${coins(penaltiesWei)} ${why} by block ${block.number} ${block.hash}`);
    }
  }
}

/** A cluster of stakers with steady links and no clients, whose faults the test itself makes. */
export async function stakeCluster(options: {
  readonly seed: number;
  readonly validators: number;
  readonly params: JsonObject;
  readonly adversaries?: readonly Adversary[];
  readonly clients?: number;
  readonly observer?: Exclude<ClusterOptions['observer'], undefined>;
}): Promise<Cluster> {
  const { seed, validators, params, adversaries = [], clients = 0, observer } = options;
  return new Cluster({
    seed,
    engine: await drawEngine('pos', new Rng(seed), params),
    validators,
    adversaries,
    candidate: false,
    clients,
    clientPauseMs: [500, 1_500],
    hub: { delayMs: [5, 15] },
    journalSync: true,
    ablation: WHOLE,
    ...(observer === undefined ? {} : { observer }),
    tell: null,
  });
}

/** The slot engine's part of the state at a node's head. */
export function slotStateOf(node: SimNode): SlotState {
  const consensus = node.machine?.ledger.chain.head.executed.consensus;
  if (consensus === undefined) throw new Error(`${node.name} is down`);
  return decodeSlotState(consensus);
}
