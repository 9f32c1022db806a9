import type { SignedMessage } from '../../src/types/message.ts';
import { ACCEPT, ignore, later, reject, type Verdict } from '../api/verdict.ts';
import { FUTURE_HEIGHTS_MAX, type Ahead } from './ahead.ts';
import type { Decisions } from './decisions.ts';
import { VIEW_AHEAD_MAX, type Height } from './height.ts';
import type { CertificateMessage, NewView, Statement } from './messages.ts';

export type MessageContext = { readonly height: Height; readonly decisions: Decisions; readonly ahead: Ahead };

/**
 * Before a message is passed on. It is refused only for what every node at this height, having the same parent, would
 * refuse: then whoever passed it on could have known. `later` is what this node has use for and cannot vouch for.
 */
export function checkMessage(context: MessageContext, message: SignedMessage, statement: Statement): Verdict {
  const { height, decisions, ahead } = context;
  if (!height.isValidator(message.from)) return ignore('VALIDATOR_UNKNOWN');
  if (statement.height < height.number) return decisions.isLate(statement) ? ACCEPT : ignore('STATEMENT_OLD');
  const { kind, view } = statement;
  if (statement.height > height.number + FUTURE_HEIGHTS_MAX) {
    // All that counts of it is that its height is spoken of.
    return ahead.isOfUse(message.from, statement.height) ? later('HEIGHT_AHEAD') : ignore('HEIGHT_AHEAD');
  }
  const isProvable = kind === 'pre-prepare' || kind === 'new-view' || kind === 'certificate';
  // What others can already refuse is kept here, and not passed on unchecked: they would blame us for it.
  if (statement.height > height.number) return isProvable ? later('HEIGHT_AHEAD') : ACCEPT;
  if ((kind === 'pre-prepare' || kind === 'new-view') && height.primary(view) !== message.from) {
    return reject('NOT_PRIMARY');
  }
  if (kind === 'new-view' || kind === 'certificate') return checkProof(height, message, statement);
  return view > height.view + VIEW_AHEAD_MAX ? ignore('VIEW_AHEAD') : ACCEPT;
}

function checkProof(height: Height, message: SignedMessage, statement: CertificateMessage | NewView): Verdict {
  if (height.isSpent(message, statement)) {
    // It need not be valid to be held against its sender.
    const isOffence = statement.kind === 'new-view' && height.contradictsEntry(message, statement);
    return isOffence ? later('NEW_VIEW_TWICE') : ignore('PROOF_SPENT');
  }
  const fault = height.faultOf(message, statement);
  return fault === null ? ACCEPT : reject(fault);
}
