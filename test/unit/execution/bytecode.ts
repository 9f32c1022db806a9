import type { Address, Bytes } from '../../../src/types/primitives.ts';
import { fromHex } from '../../../src/util/hex.ts';

/** Bytecode by hand. */
const OPCODES = {
  stop: '00',
  sload: '54',
  sstore: '55',
  mstore: '52',
  jump: '56',
  gas: '5a',
  jumpdest: '5b',
  log1: 'a1',
  create: 'f0',
  call: 'f1',
  callcode: 'f2',
  return: 'f3',
  delegatecall: 'f4',
  create2: 'f5',
  staticcall: 'fa',
  revert: 'fd',
  invalid: 'fe',
  selfdestruct: 'ff',
  pop: '50',
  balance: '31',
  keccak256: '20',
  prevrandao: '44',
} as const;

export type Opcode = keyof typeof OPCODES;
/** An opcode, a number or an address to push, or code as hex. */
export type Part = Opcode | bigint | number | Address | { readonly hex: string };

export function bytecode(...parts: readonly Part[]): Bytes {
  return fromHex(`0x${parts.map(encode).join('')}`);
}

function encode(part: Part): string {
  if (typeof part === 'object') return part.hex;
  if (typeof part === 'number' || typeof part === 'bigint') return push(part.toString(16));
  return part.startsWith('0x') ? push(part.slice(2)) : OPCODES[part as Opcode];
}

function push(digits: string): string {
  const padded = digits.length % 2 === 0 ? digits : `0${digits}`;
  return (0x5f + padded.length / 2).toString(16) + padded;
}

type CallFields = { readonly value?: bigint | number; readonly gas?: bigint | number; readonly inputSize?: number };

/** A call of a kind with input from the start of memory; its success is on the stack afterwards. */
export function callOf(
  kind: 'call' | 'callcode' | 'delegatecall' | 'staticcall',
  to: Address,
  { value = 0, gas = 100_000, inputSize = 0 }: CallFields = {},
): readonly Part[] {
  const hasValue = kind === 'call' || kind === 'callcode';
  return [0, 0, inputSize, 0, ...(hasValue ? [value] : []), to, gas, kind];
}

/** Writes code of at most 32 bytes to the start of memory, and creates with it. */
export function createOf(kind: 'create' | 'create2', initCode: Bytes, value: bigint | number = 0): readonly Part[] {
  const word = BigInt(`0x${Buffer.concat([initCode], 32).toString('hex')}`);
  const salt = kind === 'create2' ? [7] : [];
  return [word, 0, 'mstore', ...salt, initCode.length, 0, value, kind];
}
