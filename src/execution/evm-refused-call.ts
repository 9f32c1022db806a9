import type { InterpreterStep } from '@ethereumjs/evm';
import type { Address, Bytes } from '../types/primitives.ts';
import type { EvmFrame, FrameKind } from './evm-observer.ts';
import { addressOf, allButOne64th, extended } from './evm-words.ts';

const DEPTH_MAX = 1_024;
const STIPEND_GAS = 2_300n;

/** A call that was paid for and got no frame, read off its opcode's step: too deep, or too little money. */
export function refusedCall(
  kind: FrameKind,
  from: Address,
  step: InterpreterStep,
): { readonly frame: EvmFrame; readonly error: string } {
  const top = (index: number): bigint => step.stack.at(-1 - index) ?? 0n;
  const isCreation = kind === 'CREATE' || kind === 'CREATE2';
  const movesValue = kind === 'CALL' || kind === 'CALLCODE';
  const value = isCreation ? top(0) : movesValue ? top(2) : 0n;
  const first = isCreation ? 1 : movesValue ? 3 : 2;
  const gas = allButOne64th(step.gasLeft - (step.opcode.dynamicFee ?? 0n));
  const handedOn = isCreation || top(0) > gas ? gas : top(0);
  const stipend = movesValue && value > 0n ? STIPEND_GAS : 0n;
  const frame: EvmFrame = {
    kind,
    from,
    to: isCreation ? null : addressOf(top(1)),
    value,
    input: slice(step.memory, top(first), top(first + 1)),
    gasLimit: Number(handedOn + stipend),
  };
  return { frame, error: step.depth >= DEPTH_MAX ? 'call depth exceeded' : 'insufficient balance' };
}

/** The opcode was paid for, so that its memory was. */
function slice(memory: Bytes, offset: bigint, length: bigint): Bytes {
  return length === 0n ? new Uint8Array(0) : extended(memory, Number(offset), Number(length));
}
