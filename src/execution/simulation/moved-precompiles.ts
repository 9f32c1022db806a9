import type { SimulatedAccountOverride } from '../../node/api.ts';
import type { Address } from '../../types/primitives.ts';
import { isPrecompile } from '../precompiles.ts';
import { isNativeAddress } from '../system-contracts.ts';
import { simulationError } from './simulation-error.ts';

/**
 * Where the block finds native code in place of its address; null: nowhere, as the code that is given runs there. Throws ParleyError
 * SIMULATION_MOVE_TO_ITSELF, SIMULATION_MOVE_TWICE or SIMULATION_MOVE.
 */
export function movedPrecompiles(
  accounts: ReadonlyMap<Address, SimulatedAccountOverride>,
): ReadonlyMap<Address, Address | null> {
  const moves = new Map<Address, Address | null>();
  const taken = new Set<Address>();
  for (const [from, { code, movePrecompileTo: to }] of accounts) {
    if (to === undefined) {
      if (code !== undefined && isNativeAddress(from)) moves.set(from, null);
      continue;
    }
    checkMove(from, to, accounts, taken);
    taken.add(to);
    moves.set(from, to);
  }
  return moves;
}

function checkMove(
  from: Address,
  to: Address,
  accounts: ReadonlyMap<Address, SimulatedAccountOverride>,
  taken: ReadonlySet<Address>,
): void {
  if (from === to) throw simulationError('SIMULATION_MOVE_TO_ITSELF', `${from} cannot be moved to itself`, { from });
  if (!isPrecompile(from)) throw simulationError('SIMULATION_MOVE', `account ${from} is not a precompile`, { from });
  if (taken.has(to)) throw simulationError('SIMULATION_MOVE_TWICE', `two precompiles cannot both be at ${to}`, { to });
  if (accounts.has(to)) throw simulationError('SIMULATION_MOVE', `account ${to} is overridden itself`, { to });
}
