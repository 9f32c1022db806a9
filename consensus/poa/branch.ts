import { encodeRlp, encodeUint, type RlpItem } from '../../src/codec/rlp.ts';
import { RlpReader } from '../../src/codec/rlp-reader.ts';
import type { Header } from '../../src/types/block.ts';
import type { SignedMessage } from '../../src/types/message.ts';
import type { Address, Bytes, Hash } from '../../src/types/primitives.ts';
import type { ConsensusState, ValidatorSet } from '../../src/types/validator.ts';
import { CodecError } from '../../src/util/errors.ts';
import { fromHex } from '../../src/util/hex.ts';
import type { WeightedBlock } from '../common/block-weights.ts';
import { ffgStateToRlp, readFfgState, readList, readValidators, validatorsToRlp } from '../common/ffg-codec.ts';
import { advanceFfg, epochAt, initialFfgState, type FfgState } from '../common/ffg.ts';
import { activeValidators } from '../common/quorum.ts';
import { decodeExtra } from './extra.ts';
import type { PoaParams } from './params.ts';
import { recentsAfter } from './turns.ts';

/** What the engine keeps of each block above finality, and of the finalized one: a pure function of its branch. */
export type PoaBlock = {
  readonly header: Header;
  /** null for the block the tree began with. */
  readonly author: Address | null;
  /** After the block, with its standing votes about authorities. */
  readonly state: ConsensusState;
  /** Before the block; undefined where a restart has lost it. */
  readonly validatorsBefore: ValidatorSet | undefined;
  /** Who may seal the next block, by address; jailed ones may not. */
  readonly authorities: readonly Address[];
  /** Authors of the latest blocks, newest first, who may not seal the next one. */
  readonly recents: readonly Address[];
  readonly ffg: FfgState;
  /** Height of the branch's last block that somebody waits to see final: with transactions or an authority vote. */
  readonly contentNumber: number;
};

export type PoaTreeBlock = WeightedBlock<PoaBlock>;

export function childBlock(
  parent: PoaBlock,
  block: {
    readonly hash: Hash;
    readonly header: Header;
    readonly author: Address;
    readonly votes: readonly SignedMessage[];
    readonly state: ConsensusState;
  },
  params: PoaParams,
): PoaBlock {
  const { hash, header, author, votes, state } = block;
  const authorities = activeValidators(state.validators).map(({ address }) => address);
  const hasContent = header.gasUsed > 0 || (decodeExtra(header.extra)?.vote ?? null) !== null;
  return {
    header,
    author,
    state,
    validatorsBefore: parent.state.validators,
    authorities,
    recents: recentsAfter(parent.recents, author, authorities.length),
    ffg: advanceFfg(parent.ffg, {
      hash,
      number: header.number,
      votes,
      validators: state.validators,
      epoch: epochAt(header.number, params.checkpointBlocks),
    }),
    contentNumber: hasContent ? header.number : parent.contentNumber,
  };
}

/** The block the tree begins with. Throws CodecError ANCHOR_MALFORMED. */
export function rootBlock(
  start: {
    readonly finalized: Header;
    readonly finalizedHash: Hash;
    readonly state: ConsensusState;
    readonly anchor: Bytes | null;
  },
  params: PoaParams,
): PoaBlock {
  const { finalized: header, finalizedHash: hash, state } = start;
  const kept = start.anchor === null ? null : decodeAnchor(start.anchor);
  return {
    header,
    author: null,
    state,
    validatorsBefore: kept?.validatorsBefore,
    authorities: activeValidators(state.validators).map(({ address }) => address),
    recents: kept?.recents ?? [],
    ffg:
      kept?.ffg ??
      initialFfgState({
        hash,
        number: header.number,
        validators: state.validators,
        epoch: Math.floor(header.number / params.checkpointBlocks),
      }),
    contentNumber: header.number,
  };
}

/** RLP [version, recents, gadget's state, validators before the block or empty bytes]. */
export function encodeAnchor(block: PoaBlock): Bytes {
  const before: RlpItem = block.validatorsBefore === undefined ? EMPTY : validatorsToRlp(block.validatorsBefore);
  return encodeRlp([encodeUint(ANCHOR_VERSION), block.recents.map(fromHex), ffgStateToRlp(block.ffg), before]);
}

const ANCHOR_VERSION = 1;
const EMPTY = new Uint8Array(0);

function decodeAnchor(bytes: Bytes): Pick<PoaBlock, 'recents' | 'ffg' | 'validatorsBefore'> {
  try {
    const reader = new RlpReader(bytes);
    const outer = reader.openList();
    if (reader.uint() !== ANCHOR_VERSION) throw new CodecError('ANCHOR_MALFORMED', 'of an unknown version');
    const recents = readList(reader, (item) => item.address());
    const ffg = readFfgState(reader);
    const validatorsBefore = reader.nextIsList() ? readValidators(reader) : undefined;
    if (validatorsBefore === undefined) reader.bytes();
    reader.closeList(outer);
    reader.end();
    return { recents, ffg, validatorsBefore };
  } catch (error) {
    const reason = error instanceof CodecError ? error.code : 'INTERNAL';
    throw new CodecError('ANCHOR_MALFORMED', 'the anchor kept with the finalized block is unreadable', { reason });
  }
}
