import type { Address, Bytes, Hash } from '../types/primitives.ts';
import type { Log } from '../types/receipt.ts';
import type { AccountOverride, BlockOverride, BlockView, CallRequest } from './api.ts';

/** Blocks that are made for one answer and forgotten (eth_simulateV1): each stands on the one before, the first on a real one. */
export type SimulationRequest = {
  readonly blocks: readonly SimulatedBlockRequest[];
  /**
   * Whether everything is checked that a block needs, but signatures and that senders have no code. Otherwise nonces are not looked at,
   * the base fee is zero unless it is given, and who offers nothing for gas pays nothing.
   */
  readonly isValidated: boolean;
  /** Whether moved coins stand among the logs, as ERC-20 transfers of 0xeeee…ee. */
  readonly tracesTransfers: boolean;
  /** Of outputs and logs, all together. */
  readonly outputSizeBytesMax: number;
};

/** Numbers may leave gaps: empty blocks fill them. */
export type SimulatedBlockRequest = {
  readonly block: BlockOverride & { readonly prevRandao?: Hash };
  /** Found so by this block and those after it. */
  readonly accounts: ReadonlyMap<Address, SimulatedAccountOverride>;
  readonly calls: readonly SimulatedCallRequest[];
};

export type SimulatedAccountOverride = AccountOverride & {
  /** Where this block finds the precompile in place of here. */
  readonly movePrecompileTo?: Address;
};

/** Left out: no value, no data, no fees, the sender's next nonce, and all the gas there is. */
export type SimulatedCallRequest = CallRequest & { readonly nonce?: number; readonly type?: 0 | 1 | 2 };

export type SimulatedBlock = {
  readonly view: BlockView;
  /** null: not given. It stands in no header here. */
  readonly prevRandao: Hash | null;
  readonly calls: readonly SimulatedCall[];
};

export type SimulatedCall = {
  readonly status: 'success' | 'reverted' | 'failed';
  readonly output: Bytes;
  readonly gasUsed: number;
  /** Before refunds. */
  readonly gasUsedMax: number;
  /** For people, when not a success. */
  readonly reason: string | null;
  /** Those of the receipt, with moved coins between them where they are asked for. */
  readonly logs: readonly Log[];
};
