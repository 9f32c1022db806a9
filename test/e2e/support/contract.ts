import { createRequire } from 'node:module';

/** A small contract with what wallets show of one: a view, an event, a reason, an error of its own. */
const SOURCE = `
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.0;

contract Counter {
    uint256 public count;
    event Increased(address indexed by, uint256 amount, uint256 count);
    error TooMuch(uint256 asked, uint256 most);

    constructor(uint256 start) { count = start; }

    function increase(uint256 amount) external {
        require(amount > 0, "increase by at least one");
        if (amount > 100) revert TooMuch(amount, 100);
        count += amount;
        emit Increased(msg.sender, amount, count);
    }
}`;

export const COUNTER_ABI = [
  { type: 'constructor', stateMutability: 'nonpayable', inputs: [{ name: 'start', type: 'uint256' }] },
  {
    type: 'function',
    name: 'count',
    stateMutability: 'view',
    inputs: [],
    outputs: [{ name: '', type: 'uint256' }],
  },
  {
    type: 'function',
    name: 'increase',
    stateMutability: 'nonpayable',
    inputs: [{ name: 'amount', type: 'uint256' }],
    outputs: [],
  },
  {
    type: 'event',
    name: 'Increased',
    inputs: [
      { name: 'by', type: 'address', indexed: true },
      { name: 'amount', type: 'uint256', indexed: false },
      { name: 'count', type: 'uint256', indexed: false },
    ],
  },
  {
    type: 'error',
    name: 'TooMuch',
    inputs: [
      { name: 'asked', type: 'uint256' },
      { name: 'most', type: 'uint256' },
    ],
  },
] as const;

type Compiled = {
  readonly contracts?: {
    readonly [file: string]: { readonly [name: string]: { evm: { bytecode: { object: string } } } };
  };
  readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[];
};

/** The contract's creation code, compiled by solc's own package with its defaults. */
export function counterBytecode(): `0x${string}` {
  const solc = createRequire(import.meta.url)('solc') as { compile(input: string): string };
  const input = {
    language: 'Solidity',
    sources: { 'Counter.sol': { content: SOURCE } },
    settings: { outputSelection: { '*': { '*': ['evm.bytecode.object'] } } },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input))) as Compiled;
  const object = output.contracts?.['Counter.sol']?.['Counter']?.evm.bytecode.object;
  if (object === undefined) throw new Error(output.errors?.map(({ formattedMessage }) => formattedMessage).join('\n'));
  return `0x${object}`;
}
