import type { Common } from '@ethereumjs/common';
import { getOpcodesForHF, type EVMOpts } from '@ethereumjs/evm';

export type CustomOpcode = Extract<NonNullable<EVMOpts['customOpcodes']>[number], { logicFunction: unknown }>;

export type LibraryOpcode = {
  readonly run: CustomOpcode['logicFunction'];
  readonly gasOf: NonNullable<CustomOpcode['gasFunction']>;
};

/** The same for every chain. */
const known = new Map<number, LibraryOpcode>();

/** What the library does at an opcode with a gas function, for those of ours that differ in one thing. */
export function libraryOpcode(common: Common, opcode: number): LibraryOpcode {
  const before = known.get(opcode);
  if (before !== undefined) return before;
  const opcodes = getOpcodesForHF(common);
  const [run, gasOf] = [opcodes.handlers.get(opcode), opcodes.dynamicGasHandlers.get(opcode)];
  if (run === undefined || gasOf === undefined) throw new TypeError(`the EVM library has no opcode ${opcode}`);
  const found = { run, gasOf };
  known.set(opcode, found);
  return found;
}
