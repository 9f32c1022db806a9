/** What Anvil tells otherwise than ethereum/execution-apis, or than go-ethereum, undone on both sides so that the rest can be compared. */
import { isPrecompile } from '../../../../src/execution/precompiles.ts';
import type { Address, Hex } from '../../../../src/types/primitives.ts';

export type Entry = {
  readonly pc: number;
  readonly op: string;
  readonly gasCost: number;
  readonly refund: number;
  readonly error?: string;
  readonly storage?: object;
};
export type StepTrace = {
  readonly gas: number;
  readonly failed: boolean;
  readonly returnValue: Hex;
  readonly structLogs: readonly Entry[];
};
export type Frame = {
  readonly type: string;
  readonly to?: Address;
  readonly gas: Hex;
  readonly gasUsed: Hex;
  readonly input: Hex;
  readonly value?: Hex;
  readonly error?: string;
  readonly logs?: readonly { readonly index: Hex }[];
  readonly calls?: readonly Frame[];
};
type Prestate = { readonly [address: string]: { readonly balance?: Hex; readonly storage?: object } };

const WORDS: { readonly [name: string]: string } = {
  CreateContractStartingWithEF: 'invalid code: must not begin with 0xef',
  CreateContractSizeLimit: 'max code size exceeded',
  OpcodeNotFound: 'invalid opcode',
  StateChangeDuringStaticCall: 'write protection',
  StackUnderflow: 'stack underflow',
  'Out of stack': 'stack limit reached',
  InvalidFEOpcode: 'invalid opcode',
};
const CREATIONS = new Set(['CREATE', 'CREATE2']);

/**
 * Of a step that fails Anvil has the words of its enumeration and no more than the least cost, and nothing stored; of a creation, a cost with the gas that it
 * hands on; of SSTORE, refunds without its own; for bytes that are no opcodes, no name. Init code
 * that is empty stops nonetheless.
 */
export function comparableSteps({ structLogs }: StepTrace): readonly object[] {
  const steps = structLogs.filter(({ pc, op }) => pc > 0 || op !== 'STOP');
  return steps.map(({ op, error, gasCost, refund, storage, ...rest }) => ({
    ...rest,
    storage: error === undefined ? storage : null,
    op: op === 'Unknown' || op.endsWith('not defined') ? 'none' : op,
    gasCost: error !== undefined || CREATIONS.has(op) ? null : gasCost,
    refund: op === 'SSTORE' ? null : refund,
    isFailing: error !== undefined,
  }));
}

/**
 * Of the outermost frame Anvil has the gas without what is charged beforehand, and all gas used in the block so far; of frames that failed
 * the logs; indexes of logs are counted through the transaction; a DELEGATECALL has the value that it inherits.
 */
export function comparableFrames(root: Frame): object {
  return { ...comparableFrame(root, false), gas: null, gasUsed: null };
}

function comparableFrame({ value, logs = [], calls = [], ...frame }: Frame, isUndone: boolean): object {
  const isFailed = isUndone || frame.error !== undefined;
  return {
    ...frame,
    ...(frame.type !== 'DELEGATECALL' && { value }),
    ...(frame.error !== undefined && { error: comparableWords(frame.error) }),
    logs: isFailed ? [] : logs.map((log) => ({ ...log, index: null })),
    calls: calls.map((call) => comparableFrame(call, isFailed)),
  };
}

/** Some words are the names of revm's enumeration. */
function comparableWords(error: string): string {
  return (WORDS[error] ?? error).replace(/^(invalid opcode|out of gas).*/, '$1');
}

/** Anvil keeps what was not there, where the transaction made it: with nothing in it. */
export function comparablePrestate(prestate: Prestate): object {
  const isNothing = ({ balance, storage = {}, ...rest }: Prestate[string]): boolean =>
    balance === '0x0' && Object.keys(rest).length === 0 && Object.values(storage).every((word) => BigInt(word) === 0n);
  return Object.fromEntries(Object.entries(prestate).filter(([, account]) => !isNothing(account)));
}

/** What 4byteTracer counts: Anvil's counts calls of precompiles as well. */
export function selectorsOf(root: Frame): object {
  const counts: { [name: string]: number } = {};
  const count = ({ type, to, input, calls = [] }: Frame): void => {
    const isCounted = type.endsWith('CALL') || type === 'CALLCODE';
    if (isCounted && input.length >= 10 && to !== undefined && !isPrecompile(to)) {
      const name = `${input.slice(0, 10)}-${(input.length - 10) / 2}`;
      counts[name] = (counts[name] ?? 0) + 1;
    }
    for (const call of calls) count(call);
  };
  count(root);
  return counts;
}
