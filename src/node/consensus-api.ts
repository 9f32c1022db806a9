import type { EngineStatus } from '../../consensus/api/status.ts';
import type { BlockRef } from '../types/block.ts';
import type { Address, JsonObject, JsonValue } from '../types/primitives.ts';
import { ParleyError } from '../util/errors.ts';
import { toHex } from '../util/hex.ts';
import type { BlockView, ConsensusApi, Production } from './api.ts';
import type { Machine } from './machine.ts';

/** The engine as the RPC sees it. */
export class EngineConsensusApi implements ConsensusApi {
  readonly engine: string;
  readonly #machine: Machine;
  readonly #hashRate: () => number;

  constructor(machine: Machine, hashRate: () => number) {
    this.#machine = machine;
    this.#hashRate = hashRate;
    this.engine = machine.ledger.settings.factory.id;
  }

  /** An engine knows of its decisions before they are on disk; what is told here outlives the process, so the chain names it. */
  status(): JsonObject {
    const { driver, ledger, sync } = this.#machine;
    const { head, safe, finalized } = ledger.chain;
    const status: EngineStatus = ledger.engine.describe();
    const refs = { head: reference(head), safe: reference(safe), finalized: reference(finalized) };
    return { ...(plain(status) as JsonObject), ...refs, fault: driver.fault, syncing: sync.progress() !== null };
  }

  production(): Production {
    const { signer, engine } = this.#machine.ledger;
    return {
      beneficiary: signer?.address ?? null,
      isProducing: engine.describe().role !== 'follower',
      hashRate: this.#hashRate(),
    };
  }

  validators(at: BlockView): ReturnType<ConsensusApi['validators']> {
    const state = this.#machine.ledger.chain.consensusAt(at.hash);
    return state?.validators ?? [];
  }

  offences(at: BlockView): ReturnType<ConsensusApi['offences']> {
    const { rules } = this.#machine.ledger.chain.env;
    return at.block.body.evidence.flatMap((evidence) => {
      const offence = rules.judge(evidence);
      return offence === null ? [] : [{ evidence, offence }];
    });
  }

  offencesWaiting(): ReturnType<ConsensusApi['offencesWaiting']> {
    return this.#machine.evidence.proven();
  }

  propose(subject: Address, authorize: boolean): void {
    this.#send(subject, authorize);
  }

  discard(subject: Address): void {
    this.#send(subject, null);
  }

  /** As the engine keeps them, over restarts too; an engine without any has no such detail. */
  proposals(): readonly { readonly subject: Address; readonly authorize: boolean }[] {
    const { proposals } = this.#machine.ledger.engine.describe().details;
    return Array.isArray(proposals) ? (proposals as { subject: Address; authorize: boolean }[]) : [];
  }

  #send(subject: Address, authorize: boolean | null): void {
    const { driver, ledger } = this.#machine;
    if (!ledger.settings.factory.traits.takesProposals) {
      const message = `the engine "${this.engine}" has no proposals about validators`;
      throw new ParleyError('CONSENSUS_UNSUPPORTED', message, { engine: this.engine });
    }
    if (ledger.signer === null) {
      throw new ParleyError('CONSENSUS_UNSUPPORTED', 'this node is no validator and can propose nothing');
    }
    if (!driver.post({ type: 'propose', subject, authorize })) {
      throw new ParleyError('CONSENSUS_STOPPED', 'the engine of this node has stopped; see consensus_status');
    }
  }
}

function reference({ hash, number }: BlockRef): JsonObject {
  return { hash, number };
}

/** bigint to decimal text, bytes to hex, for JSON. */
function plain(value: unknown): JsonValue {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  }
  return value as JsonValue;
}
