import type { Common } from '@ethereumjs/common';
import { EVMError, getOpcodesForHF, type EVMOpts } from '@ethereumjs/evm';

const REVERT = 0xfd;

type CustomOpcode = Extract<NonNullable<EVMOpts['customOpcodes']>[number], { logicFunction: unknown }>;
type Handlers = {
  readonly run: CustomOpcode['logicFunction'];
  readonly gasOf: NonNullable<CustomOpcode['gasFunction']>;
};

/** The library's own, the same for every chain. */
let handlers: Handlers | undefined;

function libraryHandlers(common: Common): Handlers {
  if (handlers !== undefined) return handlers;
  const opcodes = getOpcodesForHF(common);
  const [run, gasOf] = [opcodes.handlers.get(REVERT), opcodes.dynamicGasHandlers.get(REVERT)];
  if (run === undefined || gasOf === undefined) throw new TypeError('the EVM library has no REVERT');
  handlers = { run, gasOf };
  return handlers;
}

/**
 * REVERT as it is, but in one thing: for whoever watches, the library reads what is to be returned before it asks whether the gas pays
 * for that much memory, so that any contract could have it allocate without bound. Such a frame fails in the next moment; until then it
 * finds an empty memory, and a stack without operands has zeros.
 */
export function cautiousRevert(isWatched: () => boolean): CustomOpcode {
  return {
    opcode: REVERT,
    opcodeName: 'REVERT',
    baseFee: 0,
    logicFunction: (state, common) => libraryHandlers(common).run(state, common),
    async gasFunction(state, fee, common) {
      const { gasOf } = libraryHandlers(common);
      if (!isWatched()) return gasOf(state, fee, common);
      if (state.stack.length < 2) {
        state.stack.peek = () => [0n, 0n];
        throw new EVMError(EVMError.errorMessages.STACK_UNDERFLOW);
      }
      const cost = await gasOf(state, fee, common);
      if (cost > state.gasLeft) state.memory.read = () => new Uint8Array(0);
      return cost;
    },
  };
}
