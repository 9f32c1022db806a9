import { StateOverlay } from '../state/overlay.ts';
import type { Evidence, Offence } from '../types/evidence.ts';
import type { Address } from '../types/primitives.ts';
import type { ConsensusState } from '../types/validator.ts';
import { ParleyError } from '../util/errors.ts';
import type { Executed } from './execute-block.ts';
import { isPunished, markPunished } from './consensus-account.ts';
import type { ConsensusRules } from './rules.ts';
import { StakingLedger } from './staking/ledger.ts';
import { slash, slashingRefusal } from './staking/slashing.ts';

/** The offence that this evidence proves and that this block may punish; null: there is none. */
export function punishableOffence(
  rules: ConsensusRules,
  overlay: StateOverlay,
  consensus: ConsensusState,
  evidence: Evidence,
  ledger = ledgerOf(rules, overlay),
): Offence | null {
  const offence = rules.judge(evidence);
  return offence !== null && isPunishable(overlay, consensus, offence, ledger) ? offence : null;
}

/** Whether a child of this block could punish it. */
export function isPunishableAt(
  rules: ConsensusRules,
  at: Pick<Executed, 'state' | 'consensus'>,
  offence: Offence,
): boolean {
  const overlay = new StateOverlay(at.state);
  return isPunishable(overlay, at.consensus, offence, ledgerOf(rules, overlay));
}

/**
 * Not punished yet, and of a validator: keys without a say can contradict themselves at will, and their marks would fill the state. Under stake
 * a validator is whoever had a say then and can still lose something for it.
 */
function isPunishable(
  overlay: StateOverlay,
  consensus: ConsensusState,
  offence: Offence,
  ledger: StakingLedger | null,
): boolean {
  if (isPunished(overlay, offence)) return false;
  if (ledger !== null) return slashingRefusal(ledger, offence) === null;
  return consensus.validators.some(({ address }) => address === offence.offender);
}

/** The books of stake in this state; null: validators do not stake. */
export function ledgerOf({ staking }: Pick<ConsensusRules, 'staking'>, overlay: StateOverlay): StakingLedger | null {
  return staking === undefined ? null : new StakingLedger(overlay, staking.rules);
}

/** What it costs under stake. `reporter` gets a part of it; one ledger serves all offences of a block. */
export type Stake = { readonly ledger: StakingLedger; readonly reporter: Address };

/** Marks the offence, so that it is punished once, and jails the offender. `burned`: wei of its stake. */
function punish(
  overlay: StateOverlay,
  consensus: ConsensusState,
  offence: Offence,
  stake: Stake | null,
): { readonly consensus: ConsensusState; readonly burned: bigint } {
  markPunished(overlay, offence);
  const burned = stake === null ? 0n : slash(stake.ledger, offence, stake.reporter);
  return { consensus: jail(consensus, offence.offender), burned };
}

/** What a block punishes before its first transaction. `reporter`: its author. Throws ParleyError BLOCK_EVIDENCE_INVALID. */
export function punishAll(
  rules: ConsensusRules,
  at: { readonly overlay: StateOverlay; readonly consensus: ConsensusState; readonly reporter: Address },
  evidence: readonly Evidence[],
): { readonly consensus: ConsensusState; readonly burned: bigint } {
  const { overlay, reporter } = at;
  const ledger = ledgerOf(rules, overlay);
  const stake = ledger === null ? null : { ledger, reporter };
  let { consensus } = at;
  let burned = 0n;
  for (const [index, item] of evidence.entries()) {
    const offence = punishableOffence(rules, overlay, consensus, item, ledger);
    if (offence === null) {
      const problem = `evidence ${index} proves nothing that is still to be punished`;
      throw new ParleyError('BLOCK_EVIDENCE_INVALID', problem, { offender: item.offender });
    }
    const punished = punish(overlay, consensus, offence, stake);
    consensus = punished.consensus;
    burned += punished.burned;
  }
  return { consensus, burned };
}

/** It keeps its entry and loses its say. */
export function jail(consensus: ConsensusState, offender: Address): ConsensusState {
  const validators = consensus.validators.map((validator) =>
    validator.address === offender ? { ...validator, jailed: true } : validator,
  );
  return { ...consensus, validators };
}
