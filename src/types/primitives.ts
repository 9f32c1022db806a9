/** Bytes as hexadecimal text: `0x`, then an even number of lower-case digits. */
export type Hex = `0x${string}`;

/** 32 bytes as 66 lower-case characters. */
export type Hash = Hex;

/** 20 bytes as 42 lower-case characters. Checksummed (EIP-55) spellings exist only at the RPC and CLI doors. */
export type Address = Hex;

/** Raw bytes. A `Buffer` is one too; never rely on `Buffer` methods of a value typed `Bytes`. */
export type Bytes = Uint8Array;

/** Milliseconds since the Unix epoch, or a duration where the name says so. */
export type Millis = number;

/** 65 bytes: r (32), s (32), recovery id (1; 0 or 1). Always low-s. */
export type Signature = Bytes;

/** Name of a peer on the network port. Opaque: libp2p's text form, or a short name in the in-process network. */
export type PeerId = string;

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };
export type JsonObject = { readonly [key: string]: JsonValue };

export const ZERO_HASH: Hash = `0x${'00'.repeat(32)}`;
export const ZERO_ADDRESS: Address = `0x${'00'.repeat(20)}`;
