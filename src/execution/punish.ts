import type { StateOverlay } from '../state/overlay.ts';
import type { Evidence, Offence } from '../types/evidence.ts';
import type { Address } from '../types/primitives.ts';
import type { ConsensusState } from '../types/validator.ts';
import { isPunished, markPunished } from './consensus-account.ts';
import type { ConsensusRules } from './rules.ts';

/**
 * The offence that this evidence proves and that this block may punish. null: the engine sees none, it is punished already, or the
 * offender is no validator (keys without a say can contradict themselves at will, and their marks would fill the state).
 */
export function punishableOffence(
  rules: ConsensusRules,
  overlay: StateOverlay,
  consensus: ConsensusState,
  evidence: Evidence,
): Offence | null {
  const offence = rules.judge(evidence);
  if (offence === null || isPunished(overlay, offence)) return null;
  return consensus.validators.some(({ address }) => address === offence.offender) ? offence : null;
}

/** Marks the offence, so that it is punished once, and jails the offender. */
export function punish(overlay: StateOverlay, consensus: ConsensusState, offence: Offence): ConsensusState {
  markPunished(overlay, offence);
  return jail(consensus, offence.offender);
}

function jail(consensus: ConsensusState, offender: Address): ConsensusState {
  const validators = consensus.validators.map((validator) =>
    validator.address === offender ? { ...validator, jailed: true } : validator,
  );
  return { ...consensus, validators };
}
