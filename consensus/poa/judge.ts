import type { Header } from '../../src/types/block.ts';
import type { Evidence, Offence } from '../../src/types/evidence.ts';
import type { EngineCrypto } from '../api/engine.ts';
import { judgeVotes } from '../common/ffg-offence.ts';
import { sealedTwice } from '../common/sealed-header.ts';
import { decodeExtra } from './extra.ts';
import { slotOf, type PoaParams } from './params.ts';

type Chain = { readonly chainId: number; readonly shard: number };

/**
 * DOUBLE_SEAL: two blocks of one author in one slot. DOUBLE_VOTE and SURROUND_VOTE: see ffg-offence.ts. Pure and total:
 * null for anything that proves nothing.
 */
export function judgePoa(params: PoaParams, evidence: Evidence, crypto: EngineCrypto, chain: Chain): Offence | null {
  if (evidence.kind === 'messages') return judgeVotes(evidence, crypto, params.checkpointBlocks);
  const headers = sealedTwice(evidence, crypto);
  if (headers === null || !headers.every((header) => isOf(chain, header))) return null;
  const [first, second] = headers;
  if (slotOf(params, first.timeMs) !== slotOf(params, second.timeMs)) return null;
  return { offender: evidence.offender, code: 'DOUBLE_SEAL', height: Math.min(first.number, second.number) };
}

function isOf(chain: Chain, header: Header): boolean {
  const extra = decodeExtra(header.extra);
  return extra !== null && extra.chainId === chain.chainId && extra.shard === chain.shard;
}
