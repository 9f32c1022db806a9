import { decodeHeader } from '../../src/codec/block.ts';
import type { Header } from '../../src/types/block.ts';
import type { Evidence, Offence } from '../../src/types/evidence.ts';
import type { EngineCrypto } from '../api/engine.ts';
import { judgeVotes } from '../common/ffg-offence.ts';
import { decodeExtra } from './extra.ts';
import { slotOf, type PoaParams } from './params.ts';

type Chain = { readonly chainId: number; readonly shard: number };

/**
 * DOUBLE_SEAL: two blocks of one author in one slot. DOUBLE_VOTE and SURROUND_VOTE: see ffg-offence.ts. Pure and total:
 * null for anything that proves nothing.
 */
export function judgePoa(params: PoaParams, evidence: Evidence, crypto: EngineCrypto, chain: Chain): Offence | null {
  if (evidence.kind === 'messages') return judgeVotes(evidence, crypto, params.checkpointBlocks);
  const first = sealedHeader(evidence.first, evidence, crypto, chain);
  const second = sealedHeader(evidence.second, evidence, crypto, chain);
  if (first === null || second === null) return null;
  // Compared by what was signed: the same words under another signature of the same key are no second block.
  if (crypto.sealHash(first) === crypto.sealHash(second)) return null;
  if (slotOf(params, first.timeMs) !== slotOf(params, second.timeMs)) return null;
  return { offender: evidence.offender, code: 'DOUBLE_SEAL', height: Math.min(first.number, second.number) };
}

function sealedHeader(bytes: Uint8Array, evidence: Evidence, crypto: EngineCrypto, chain: Chain): Header | null {
  let header: Header;
  try {
    header = decodeHeader(bytes);
  } catch {
    return null;
  }
  const extra = decodeExtra(header.extra);
  if (extra === null || extra.chainId !== chain.chainId || extra.shard !== chain.shard) return null;
  return crypto.recover(crypto.sealHash(header), header.seal) === evidence.offender ? header : null;
}
