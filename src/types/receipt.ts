import type { Address, Hash, Hex } from './primitives.ts';

export type Log = {
  readonly address: Address;
  readonly topics: readonly Hash[];
  readonly data: Hex;
};

export type Receipt = {
  /** EIP-2718 type of the transaction: 0, 1 or 2. */
  readonly type: number;
  /** 1 succeeded, 0 reverted. */
  readonly status: 0 | 1;
  readonly cumulativeGasUsed: number;
  readonly logsBloom: Hex;
  readonly logs: readonly Log[];
  /** Not part of the consensus encoding (that has the four fields above); kept beside it for the RPC. */
  readonly gasUsed: number;
  readonly effectiveGasPrice: bigint;
  readonly contractAddress: Address | null;
};
