/**
 * consensus_: the engine's own account of itself (why it waits, who is missing), the validators after a block, what they were
 * proven to have done, and this node's standing proposals about signers (EIP-225). Powers are decimal strings, as in the status.
 */
import { BLOCK_NUMBER, BLOCK_NUMBER_OR_LATEST, BLOCK_OR_LATEST, requireBlock } from '../block-params.ts';
import { METHOD_NOT_SUPPORTED, RESOURCE_NOT_FOUND } from '../errors.ts';
import { searchEvidence } from '../evidence-search.ts';
import { define, param, type MethodTable } from '../method.ts';
import { optional } from '../schema/param-type.ts';
import { ADDRESS, FLAG } from '../params.ts';
import {
  ADDRESS_RESULT,
  DATA_RESULT,
  FLAG_RESULT,
  HASH_RESULT,
  listOf,
  mapOf,
  NULL_RESULT,
  NUMBER_RESULT,
  orNull,
  shape,
  TEXT_RESULT,
} from '../schema/results.ts';
import type { MethodContext } from './context.ts';

const SUBJECT = param('subject', ADDRESS);

/** What every engine tells; its own `details` go further. */
const STATUS_RESULT = {
  type: 'object',
  required: ['engine', 'role'],
  properties: { engine: TEXT_RESULT, role: TEXT_RESULT },
};

const OFFENCE_RESULT = shape(
  {
    block: orNull(shape({ hash: HASH_RESULT, number: NUMBER_RESULT })),
    offender: ADDRESS_RESULT,
    code: TEXT_RESULT,
    height: NUMBER_RESULT,
    epoch: NUMBER_RESULT,
    kind: { enum: ['headers', 'messages'] },
    first: DATA_RESULT,
    second: DATA_RESULT,
  },
  ['epoch'],
);

export function consensusMethods({ node, limits, longCalls }: MethodContext): MethodTable {
  const { consensus, chain } = node;
  return {
    consensus_status: define({
      summary: "The engine's account of itself.",
      params: [],
      result: STATUS_RESULT,
      handle: () => consensus.status(),
    }),
    consensus_validators: define({
      summary: 'Validators after a block, with their power.',
      params: [param('block', BLOCK_OR_LATEST)],
      result: listOf(shape({ address: ADDRESS_RESULT, power: TEXT_RESULT, jailed: FLAG_RESULT })),
      errors: [RESOURCE_NOT_FOUND],
      handle: ([selector]) =>
        consensus.validators(requireBlock(chain, selector)).map((validator) => ({
          address: validator.address,
          power: validator.power.toString(),
          jailed: validator.jailed,
        })),
    }),
    consensus_evidence: define({
      summary:
        'What validators were proven to have done, in a range of blocks and, where it ends at the head, waiting for one.',
      params: [param('fromBlock', optional(BLOCK_NUMBER, null)), param('toBlock', BLOCK_NUMBER_OR_LATEST)],
      result: listOf(OFFENCE_RESULT),
      handle: ([from, to], { client }) =>
        longCalls.run(client.id, (slice) => searchEvidence({ chain, consensus, limits, slice }, { from, to })),
    }),
    consensus_propose: define({
      summary: 'Lets this node vote to admit or remove a signer (EIP-225).',
      params: [SUBJECT, param('authorize', FLAG)],
      result: NULL_RESULT,
      errors: [METHOD_NOT_SUPPORTED],
      handle: ([subject, authorize]) => {
        consensus.propose(subject, authorize);
        return null;
      },
    }),
    consensus_discard: define({
      summary: 'Drops that proposal.',
      params: [SUBJECT],
      result: NULL_RESULT,
      errors: [METHOD_NOT_SUPPORTED],
      handle: ([subject]) => {
        consensus.discard(subject);
        return null;
      },
    }),
    consensus_proposals: define({
      summary: "This node's proposals: whether to admit, by address.",
      params: [],
      result: mapOf(FLAG_RESULT),
      handle: () => Object.fromEntries(consensus.proposals().map(({ subject, authorize }) => [subject, authorize])),
    }),
  };
}
