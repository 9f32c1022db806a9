import type { SignedMessage } from '../../src/types/message.ts';
import { ACCEPT, later, reject, type Verdict } from '../api/verdict.ts';
import { FUTURE_HEIGHTS_MAX } from './ahead.ts';
import type { Decisions } from './decisions.ts';
import { VIEW_AHEAD_MAX, type Height } from './height.ts';
import type { Statement } from './messages.ts';

/**
 * Before a message is passed on. It is refused only for what every node at this height, having the same parent, would
 * refuse: then whoever passed it on could have known.
 */
export function checkMessage(
  height: Height,
  decisions: Decisions,
  message: SignedMessage,
  statement: Statement,
): Verdict {
  if (!height.isValidator(message.from)) return later('VALIDATOR_UNKNOWN');
  if (statement.height < height.number) return decisions.isLate(statement) ? ACCEPT : later('STATEMENT_OLD');
  if (statement.height > height.number + FUTURE_HEIGHTS_MAX) return later('HEIGHT_AHEAD');
  const { kind, view } = statement;
  const isProvable = kind === 'pre-prepare' || kind === 'new-view' || kind === 'certificate';
  // What others can already refuse is kept here, and not passed on unchecked: they would blame us for it.
  if (statement.height > height.number) return isProvable ? later('HEIGHT_AHEAD') : ACCEPT;
  if ((kind === 'pre-prepare' || kind === 'new-view') && height.primary(view) !== message.from) {
    return reject('NOT_PRIMARY');
  }
  if (kind === 'new-view' || kind === 'certificate') {
    const fault = height.faultOf(message, statement);
    return fault === null ? ACCEPT : reject(fault);
  }
  return view > height.view + VIEW_AHEAD_MAX ? later('VIEW_AHEAD') : ACCEPT;
}
