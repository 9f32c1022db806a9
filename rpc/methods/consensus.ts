/**
 * consensus_: the engine's own account of itself (why it waits, who is missing), the validators after a block, and
 * this node's standing proposals about signers (EIP-225). Powers are decimal strings, as in the status.
 */
import type { JsonValue } from '../../src/types/primitives.ts';
import { blockSelector, requireBlock } from '../block-params.ts';
import { addressParam, booleanParam, type Params } from '../params.ts';
import { method, type MethodTable } from '../router.ts';
import type { MethodContext } from './context.ts';

export function consensusMethods({ node }: MethodContext): MethodTable {
  const { consensus, chain } = node;

  const validators = (params: Params): JsonValue => {
    const view = requireBlock(chain, blockSelector(params[0], 0));
    return consensus.validators(view).map((validator) => ({
      address: validator.address,
      power: validator.power.toString(),
      jailed: validator.jailed,
    }));
  };
  const propose = (params: Params): JsonValue => {
    const subject = addressParam(params[0], 0);
    consensus.propose(subject, booleanParam(params[1], 1, 'authorize'));
    return null;
  };
  const discard = (params: Params): JsonValue => {
    consensus.discard(addressParam(params[0], 0));
    return null;
  };

  return {
    consensus_status: method(0, 0, () => consensus.status()),
    consensus_validators: method(0, 1, validators),
    consensus_propose: method(2, 2, propose),
    consensus_discard: method(1, 1, discard),
    consensus_proposals: method(0, 0, () =>
      Object.fromEntries(consensus.proposals().map(({ subject, authorize }) => [subject, authorize])),
    ),
  };
}
