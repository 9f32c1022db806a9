import { encodeRlp, encodeUint } from '../../../src/codec/rlp.ts';
import type { Address, Bytes, Hash } from '../../../src/types/primitives.ts';
import { fromHex, toHex } from '../../../src/util/hex.ts';
import type { Hasher } from './draw.ts';
import type { SlotExtra } from './extra.ts';
import type { SlotState } from './slot-state.ts';

/**
 * Randomness by commitment and opening (docs/adr/0009). An author must open what it committed to in an earlier epoch, and then commits anew; what
 * it has committed to in this epoch stays closed. So what is mixed in was fixed before anything else of the epoch was known.
 */
export type Reveal = Pick<SlotExtra, 'opening' | 'commitment'>;

/** What an author's block in this epoch, on a block with this state, must do. */
export function revealDue(
  state: SlotState,
  author: Address,
  epoch: number,
): { readonly opens: boolean; readonly commits: boolean } {
  const standing = state.commitments.get(author);
  const opens = standing !== undefined && standing.epoch < epoch;
  return { opens, commits: opens || standing === undefined };
}

/** `secret`: see EngineEnv. */
export function makeReveal(
  state: SlotState,
  author: Address,
  epoch: number,
  modules: { readonly secret: (label: Bytes) => Bytes; readonly hasher: Hasher },
): Reveal {
  const { opens, commits } = revealDue(state, author, epoch);
  const secretOf = (made: number): Hash => toHex(modules.secret(encodeRlp([Buffer.from('reveal'), encodeUint(made)])));
  const standing = state.commitments.get(author);
  return {
    opening: opens && standing !== undefined ? secretOf(standing.epoch) : null,
    commitment: commits ? modules.hasher.keccak256(fromHex(secretOf(epoch))) : null,
  };
}

/** The code of what is wrong; null: nothing. */
export function revealFault(
  state: SlotState,
  author: Address,
  epoch: number,
  reveal: Reveal,
  hasher: Hasher,
): string | null {
  const { opens, commits } = revealDue(state, author, epoch);
  if ((reveal.opening !== null) !== opens) return opens ? 'REVEAL_MISSING' : 'REVEAL_UNDUE';
  if ((reveal.commitment !== null) !== commits) return commits ? 'COMMITMENT_MISSING' : 'COMMITMENT_UNDUE';
  if (reveal.opening === null) return null;
  return hasher.keccak256(fromHex(reveal.opening)) === state.commitments.get(author)?.hash ? null : 'REVEAL_WRONG';
}

/** Takes a block's reveal in. `state` of its parent, moved on to the block's epoch. */
export function withReveal(state: SlotState, author: Address, reveal: Reveal, hasher: Hasher): SlotState {
  const commitments = new Map(state.commitments);
  if (reveal.commitment !== null) commitments.set(author, { epoch: state.epoch, hash: reveal.commitment });
  const mix =
    reveal.opening === null
      ? state.mix
      : hasher.keccak256(Buffer.concat([fromHex(state.mix), fromHex(reveal.opening)]));
  return { ...state, commitments, mix };
}
