/** consensus_evidence: what blocks of a range punish, and what waits to be punished. */
import type { ConsensusApi } from '../src/node/api.ts';
import type { BlockRef } from '../src/types/block.ts';
import type { ProvenOffence } from '../src/types/evidence.ts';
import type { JsonObject } from '../src/types/primitives.ts';
import { toHex } from '../src/util/hex.ts';
import { rangeHint, walkBlocks, type BlockRange, type WalkModules } from './block-walk.ts';
import { limitExceeded } from './errors.ts';

export type EvidenceSearchModules = WalkModules & { readonly consensus: ConsensusApi };

/**
 * In the order of the chain, what no block holds yet after it where the range ends at the head.
 * @throws -32005 over a limit (data names a range that fits), -32602 for from > to.
 */
export async function searchEvidence(
  modules: EvidenceSearchModules,
  range: BlockRange,
): Promise<readonly JsonObject[]> {
  const { consensus, limits } = modules;
  let found: JsonObject[] = [];
  const places = new Set<string>();
  await walkBlocks(modules, range, () => {
    found = [];
    places.clear();
    let sizeBytes = 0;
    return (view, from) => {
      const { number } = view.block.header;
      for (const proven of consensus.offences(view)) {
        sizeBytes += sizeOf(proven);
        if (sizeBytes > limits.answerSizeBytesMax) throw tooLarge(limits.answerSizeBytesMax, from, number - 1);
        places.add(placeOf(proven));
        found.push(formatOffence(proven, { hash: view.hash, number }));
      }
    };
  });
  const { to } = range;
  if (to.by !== 'tag' || (to.tag !== 'latest' && to.tag !== 'pending')) return found;
  const waiting = consensus.offencesWaiting().filter((proven) => !places.has(placeOf(proven)));
  return [...found, ...waiting.map((proven) => formatOffence(proven, null))];
}

/** What is punished once. */
function placeOf({ offence: { offender, code, height } }: ProvenOffence): string {
  return `${offender}/${code}/${height}`;
}

function formatOffence({ offence, evidence }: ProvenOffence, block: BlockRef | null): JsonObject {
  const { offender, code, height, epoch } = offence;
  return {
    block: block === null ? null : { hash: block.hash, number: block.number },
    offender,
    code,
    height,
    ...(epoch === undefined ? {} : { epoch }),
    kind: evidence.kind,
    first: toHex(evidence.first),
    second: toHex(evidence.second),
  };
}

/** As hex, and what else there is. */
function sizeOf({ evidence: { first, second } }: ProvenOffence): number {
  return 2 * (first.length + second.length) + 512;
}

function tooLarge(sizeBytesMax: number, from: number, last: number): Error {
  const to = Math.max(from, last);
  return limitExceeded(
    `the answer is larger than ${sizeBytesMax} bytes: ask for blocks ${from} to ${to}`,
    rangeHint(from, to),
  );
}
