/**
 * The system account that makes consensus part of the state, so that the state root commits to it. Its storage:
 *
 *   slot 0           size of the encoded ConsensusState in bytes
 *   slot 1 + i       its i-th 32 bytes, the last padded with zeros on the right
 *   keccak256(...)   1 for each punished offence; the commitment to the chain's configuration
 *
 * The hashed slots cannot meet the numbered ones. Nonce 1 keeps the account from counting as empty (EIP-161).
 */
import { decodeConsensusState, encodeConsensusState } from '../codec/consensus-state.ts';
import { encodeRlp, encodeUint } from '../codec/rlp.ts';
import { keccak256 } from '../crypto/keccak.ts';
import type { StateReader } from '../ports/state.ts';
import type { StateOverlay } from '../state/overlay.ts';
import { EMPTY_ACCOUNT } from '../types/account.ts';
import type { Offence } from '../types/evidence.ts';
import { ZERO_HASH, type Bytes, type Hash } from '../types/primitives.ts';
import type { ConsensusState } from '../types/validator.ts';
import { ParleyError } from '../util/errors.ts';
import { fromHex, toHex } from '../util/hex.ts';
import { CONSENSUS_ADDRESS } from './rules.ts';

const WORD_SIZE_BYTES = 32;
const ONE: Hash = word(1);
const CONFIGURATION_SLOT: Hash = keccak256(Buffer.from('parley/configuration'));

/** Throws ParleyError STATE_CONSENSUS_MISSING where there is none, CodecError CONSENSUS_STATE_MALFORMED where it is broken. */
export function readConsensusState(reader: StateReader): ConsensusState {
  const sizeBytes = readSize(reader);
  if (sizeBytes === 0) {
    throw new ParleyError(
      'STATE_CONSENSUS_MISSING',
      'this state has no consensus account; it is not one of this chain',
    );
  }
  const bytes = new Uint8Array(wordsOf(sizeBytes) * WORD_SIZE_BYTES);
  for (let i = 0; i < wordsOf(sizeBytes); i++) {
    bytes.set(fromHex(reader.storage(CONSENSUS_ADDRESS, word(1 + i))), i * WORD_SIZE_BYTES);
  }
  return decodeConsensusState(bytes.subarray(0, sizeBytes));
}

/** Writes only the words that differ. */
export function writeConsensusState(overlay: StateOverlay, state: ConsensusState): void {
  const bytes = encodeConsensusState(state);
  const wordsBefore = wordsOf(readSize(overlay));
  for (let i = 0; i < Math.max(wordsOf(bytes.length), wordsBefore); i++) {
    write(overlay, word(1 + i), padded(bytes.subarray(i * WORD_SIZE_BYTES, (i + 1) * WORD_SIZE_BYTES)));
  }
  write(overlay, word(0), word(bytes.length));
}

export function isPunished(reader: StateReader, offence: Offence): boolean {
  return reader.storage(CONSENSUS_ADDRESS, offenceSlot(offence)) !== ZERO_HASH;
}

export function markPunished(overlay: StateOverlay, offence: Offence): void {
  write(overlay, offenceSlot(offence), ONE);
}

/** What the genesis block commits to: a hash over everything that makes this chain this chain. */
export function readConfigurationHash(reader: StateReader): Hash {
  return reader.storage(CONSENSUS_ADDRESS, CONFIGURATION_SLOT);
}

export function writeConfigurationHash(overlay: StateOverlay, hash: Hash): void {
  write(overlay, CONFIGURATION_SLOT, hash);
}

function write(overlay: StateOverlay, slot: Hash, value: Hash): void {
  if (overlay.account(CONSENSUS_ADDRESS) === undefined) {
    overlay.setAccount(CONSENSUS_ADDRESS, { ...EMPTY_ACCOUNT, nonce: 1 });
  }
  if (overlay.storage(CONSENSUS_ADDRESS, slot) !== value) overlay.setStorage(CONSENSUS_ADDRESS, slot, value);
}

function readSize(reader: StateReader): number {
  return Number(BigInt(reader.storage(CONSENSUS_ADDRESS, word(0))));
}

function offenceSlot({ offender, code, height }: Offence): Hash {
  return keccak256(
    encodeRlp([Buffer.from('parley/offence'), fromHex(offender), Buffer.from(code), encodeUint(height)]),
  );
}

function wordsOf(sizeBytes: number): number {
  return Math.ceil(sizeBytes / WORD_SIZE_BYTES);
}

function word(value: number): Hash {
  return `0x${value.toString(16).padStart(64, '0')}`;
}

function padded(bytes: Bytes): Hash {
  const full = new Uint8Array(WORD_SIZE_BYTES);
  full.set(bytes);
  return toHex(full);
}
