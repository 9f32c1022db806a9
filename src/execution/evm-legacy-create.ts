import type { Common } from '@ethereumjs/common';
import { libraryOpcode, type CustomOpcode } from './evm-library-opcode.ts';

const GAS = 32_000;
/** How code of the EVM object format (EIP-3540) begins. Prague has no such format, and 0xEF is no opcode of it. */
const OBJECT_MAGIC = [0xef, 0x00] as const;

type State = Parameters<CustomOpcode['logicFunction']>[0];
type Kind = { readonly opcode: number; readonly opcodeName: string; readonly operands: number };

const KINDS: readonly Kind[] = [
  { opcode: 0xf0, opcodeName: 'CREATE', operands: 3 },
  { opcode: 0xf5, opcodeName: 'CREATE2', operands: 4 },
];

/**
 * CREATE and CREATE2 as they are, but in one thing: the library turns away init code that looks like an object, whatever the fork, with
 * neither a frame nor a cost. In Prague it is code like any other: the nonce grows, and the frame ends at its first byte, without gas.
 */
export function legacyCreates(): CustomOpcode[] {
  return KINDS.map(({ opcode, opcodeName, operands }) => ({
    opcode,
    opcodeName,
    baseFee: GAS,
    gasFunction: async (state, fee, common) => libraryOpcode(common, opcode).gasOf(state, fee, common),
    logicFunction: (state, common) =>
      looksLikeObject(state, common) ? create(state, operands) : libraryOpcode(common, opcode).run(state, common),
  }));
}

/** The opcode's memory is paid for by now. What is too large is the library's to refuse (EIP-3860). */
function looksLikeObject({ stack, memory }: State, common: Common): boolean {
  const [, offset = 0n, length = 0n] = stack.peek(3);
  if (length < OBJECT_MAGIC.length || length > common.param('maxInitCodeSize')) return false;
  const start = memory.read(Number(offset), OBJECT_MAGIC.length);
  return start[0] === OBJECT_MAGIC[0] && start[1] === OBJECT_MAGIC[1];
}

async function create(state: State, operands: number): Promise<void> {
  const { stack, memory, interpreter } = state;
  const [value = 0n, offset = 0n, length = 0n, salt] = stack.popN(operands);
  const gasLimit = state.messageGasLimit ?? 0n;
  const initCode = memory.read(Number(offset), Number(length), true);
  const address =
    salt === undefined
      ? await interpreter.create(gasLimit, value, initCode)
      : await interpreter.create2(gasLimit, value, initCode, Buffer.from(salt.toString(16).padStart(64, '0'), 'hex'));
  stack.push(address);
}
