import type { Address, Bytes, Signature } from './primitives.ts';

/**
 * What a validator says to the others. `payload` belongs to the engine. The signature is over
 * keccak256(rlp([DOMAIN, chainId, shard, engineId, genesisHash, payload])); see src/codec/message.ts.
 */
export type SignedMessage = {
  readonly from: Address;
  readonly payload: Bytes;
  readonly signature: Signature;
};

export const MESSAGE_SIZE_BYTES_MAX = 64 * 1024;
