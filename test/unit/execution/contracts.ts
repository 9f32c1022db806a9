import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { encodeDeployData, encodeFunctionData, type Abi } from 'viem';
import type { Bytes, Hex } from '../../../src/types/primitives.ts';
import { fromHex } from '../../../src/util/hex.ts';

type Compiled = { readonly abi: Abi; readonly bytecode: Hex };
type SolcOutput = {
  readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[];
  readonly contracts: Record<string, Record<string, { abi: Abi; evm: { bytecode: { object: string } } }>>;
};

/** The contracts of this folder, compiled once for each test file. */
const compiled = compile(['Token', 'Lab']);

function compile(names: readonly string[]): Map<string, Compiled> {
  const solc = createRequire(import.meta.url)('solc') as { compile(input: string): string };
  const content = (name: string): string => readFileSync(new URL(`contracts/${name}.sol`, import.meta.url), 'utf8');
  const input = {
    language: 'Solidity',
    sources: Object.fromEntries(names.map((name) => [name, { content: content(name) }])),
    settings: {
      evmVersion: 'prague',
      optimizer: { enabled: true, runs: 200 },
      outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input))) as SolcOutput;
  const error = output.errors?.find(({ severity }) => severity === 'error');
  if (error !== undefined) throw new Error(error.formattedMessage);
  const found = new Map<string, Compiled>();
  for (const contracts of Object.values(output.contracts)) {
    for (const [name, { abi, evm }] of Object.entries(contracts))
      found.set(name, { abi, bytecode: `0x${evm.bytecode.object}` });
  }
  return found;
}

export type ContractName = 'Token' | 'Lab' | 'Child';

export function abiOf(name: ContractName): Abi {
  return contract(name).abi;
}

export function initCode(name: ContractName, args: readonly unknown[] = []): Bytes {
  const { abi, bytecode } = contract(name);
  return fromHex(encodeDeployData({ abi, bytecode, args }));
}

export function callData(name: ContractName, functionName: string, args: readonly unknown[] = []): Bytes {
  return fromHex(encodeFunctionData({ abi: contract(name).abi, functionName, args }));
}

function contract(name: ContractName): Compiled {
  const found = compiled.get(name);
  if (found === undefined) throw new Error(`no contract ${name}`);
  return found;
}
