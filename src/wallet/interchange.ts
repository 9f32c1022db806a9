import type { Address, Hash } from '../types/primitives.ts';
import { ParleyError } from '../util/errors.ts';
import { isHex } from '../util/hex.ts';
import type { Signed } from './history.ts';
import { parseValidatorName } from './validator-name.ts';

/**
 * The slashing protection interchange format of EIP-3076, version 5:
 *
 *   { metadata: { interchange_format_version: "5", genesis_validators_root: <genesis hash> },
 *     data: [{ pubkey, signed_blocks: [{ slot, signing_root? }],
 *              signed_attestations: [{ source_epoch, target_epoch, signing_root? }] }] }
 *
 * with integers as decimal text. What differs: the network is told by our genesis hash, and `pubkey` is an address of 20
 * bytes, since our keys are of secp256k1 and not of BLS; a compressed public key of 33 bytes is read as well.
 */
export type Interchange = {
  readonly genesisHash: Hash;
  /** One for each address. */
  readonly validators: readonly SignedBy[];
};

export type SignedBy = {
  readonly address: Address;
  readonly blocks: readonly Signed[];
  readonly votes: readonly Signed[];
};

export const INTERCHANGE_VERSION = '5';
export const INTERCHANGE_SIZE_BYTES_MAX = 64 * 1024 * 1024;
export const INTERCHANGE_ENTRIES_MAX = 500_000;

export function encodeInterchange({ genesisHash, validators }: Interchange): string {
  const rootOf = ({ root }: Signed): object => (root === null ? {} : { signing_root: root });
  const file = {
    metadata: { interchange_format_version: INTERCHANGE_VERSION, genesis_validators_root: genesisHash },
    data: validators.map(({ address, blocks, votes }) => ({
      pubkey: address,
      signed_blocks: blocks.map((item) => ({ slot: String(item.target), ...rootOf(item) })),
      signed_attestations: votes.map((item) => ({
        source_epoch: String(item.source),
        target_epoch: String(item.target),
        ...rootOf(item),
      })),
    })),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/**
 * Strict; fields that the format does not know are passed over. Several entries of one validator are joined. ParleyError
 * INTERCHANGE_TOO_LARGE, INTERCHANGE_MALFORMED (data.path names the place), INTERCHANGE_VERSION, INTERCHANGE_OTHER_NETWORK.
 */
export function decodeInterchange(text: string, expected: { readonly genesisHash: Hash }): Interchange {
  assertSize(text.length);
  const file = object(parseJson(text), '');
  const metadata = object(file['metadata'], 'metadata');
  const version = string(metadata['interchange_format_version'], 'metadata.interchange_format_version');
  if (version !== INTERCHANGE_VERSION) {
    const message = `the interchange file is of version ${JSON.stringify(version)}, only ${INTERCHANGE_VERSION} can be read; export it again with a newer client`;
    throw new ParleyError('INTERCHANGE_VERSION', message, { version, known: INTERCHANGE_VERSION });
  }
  const genesisHash = hash(metadata['genesis_validators_root'], 'metadata.genesis_validators_root');
  if (genesisHash !== expected.genesisHash) {
    const message = `the interchange file is of another network: its genesis is ${genesisHash}, here it is ${expected.genesisHash}`;
    throw new ParleyError('INTERCHANGE_OTHER_NETWORK', message, { found: genesisHash, expected: expected.genesisHash });
  }
  const data = list(file['data'], 'data');
  const validators = new Map<Address, SignedBy>();
  let entries = 0;
  for (const [index, item] of data.entries()) {
    const read = readSignedBy(item, `data[${index}]`);
    entries += 1 + read.blocks.length + read.votes.length;
    if (entries > INTERCHANGE_ENTRIES_MAX) throw tooLarge(`more than ${INTERCHANGE_ENTRIES_MAX} entries`);
    const before = validators.get(read.address);
    validators.set(read.address, before === undefined ? read : join(before, read));
  }
  return { genesisHash, validators: [...validators.values()] };
}

/** To be asked before a file is read as well. Throws INTERCHANGE_TOO_LARGE. */
export function assertSize(sizeBytes: number): void {
  if (sizeBytes > INTERCHANGE_SIZE_BYTES_MAX) throw tooLarge(`more than ${INTERCHANGE_SIZE_BYTES_MAX} bytes`);
}

function tooLarge(what: string): ParleyError {
  const message = `the interchange file has ${what}; split it by validators, or export the minimal form`;
  return new ParleyError('INTERCHANGE_TOO_LARGE', message);
}

function malformed(path: string, reason: string): ParleyError {
  const place = path === '' ? '' : ` at ${path}`;
  return new ParleyError('INTERCHANGE_MALFORMED', `the interchange file is damaged${place}: ${reason}`, {
    path,
    reason,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The engine's own text quotes what it found; a file given by mistake may hold anything, a key too.
    throw malformed('', 'it is not JSON');
  }
}

function readSignedBy(value: unknown, path: string): SignedBy {
  const item = object(value, path);
  const address = parseValidatorName(string(item['pubkey'], `${path}.pubkey`));
  if (address === null) {
    throw malformed(`${path}.pubkey`, 'expected an address (20 bytes) or a compressed secp256k1 key (33 bytes) as 0x…');
  }
  const blocks = list(item['signed_blocks'], `${path}.signed_blocks`).map((entry, index) => {
    const at = `${path}.signed_blocks[${index}]`;
    const block = object(entry, at);
    return { source: 0, target: integer(block['slot'], `${at}.slot`), root: signingRoot(block, at) };
  });
  const votes = list(item['signed_attestations'], `${path}.signed_attestations`).map((entry, index) => {
    const at = `${path}.signed_attestations[${index}]`;
    const vote = object(entry, at);
    const source = integer(vote['source_epoch'], `${at}.source_epoch`);
    return { source, target: integer(vote['target_epoch'], `${at}.target_epoch`), root: signingRoot(vote, at) };
  });
  return { address, blocks, votes };
}

function join(a: SignedBy, b: SignedBy): SignedBy {
  return { address: a.address, blocks: [...a.blocks, ...b.blocks], votes: [...a.votes, ...b.votes] };
}

type Fields = { readonly [name: string]: unknown };

function object(value: unknown, path: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw malformed(path, value === undefined ? 'it is missing' : 'expected an object');
}

function list(value: unknown, path: string): readonly unknown[] {
  if (Array.isArray(value)) return value as unknown[];
  throw malformed(path, value === undefined ? 'it is missing' : 'expected a list');
}

function string(value: unknown, path: string): string {
  if (typeof value === 'string') return value;
  throw malformed(path, value === undefined ? 'it is missing' : 'expected text in quotes');
}

function integer(value: unknown, path: string): number {
  const text = string(value, path);
  const number = /^(?:0|[1-9]\d{0,19})$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(number)) return number;
  throw malformed(path, `expected a whole number from 0 to ${Number.MAX_SAFE_INTEGER} in decimal digits`);
}

function hash(value: unknown, path: string): Hash {
  const text = string(value, path);
  if (isHex(text, 32)) return text.toLowerCase() as Hash;
  throw malformed(path, 'expected 32 bytes as 0x…');
}

function signingRoot(fields: Fields, path: string): Hash | null {
  const value = fields['signing_root'];
  return value === undefined ? null : hash(value, `${path}.signing_root`);
}
