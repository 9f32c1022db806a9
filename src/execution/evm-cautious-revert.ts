import { EVMError } from '@ethereumjs/evm';
import { libraryOpcode, type CustomOpcode } from './evm-library-opcode.ts';

const REVERT = 0xfd;

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
    logicFunction: (state, common) => libraryOpcode(common, REVERT).run(state, common),
    async gasFunction(state, fee, common) {
      const { gasOf } = libraryOpcode(common, REVERT);
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
