import { decodeVote, type FfgVote } from '../../../consensus/common/ffg-vote.ts';
import { voteOffence } from '../../../consensus/common/ffg-offence.ts';
import { decodeBlockWithProof, headerHash, sealHash } from '../../../src/codec/block.ts';
import { decodeMessage, messageSigner } from '../../../src/codec/message.ts';
import { recoverAddress } from '../../../src/crypto/secp256k1.ts';
import type { Block } from '../../../src/types/block.ts';
import type { SignedMessage } from '../../../src/types/message.ts';
import { ZERO_HASH, type Bytes, type Hash } from '../../../src/types/primitives.ts';
import type { GossipTopic } from '../../../src/ports/network.ts';
import { CHAIN_ID } from './test-peer.ts';

/** Everything validators were heard to sign, and whether any of it contradicts itself. Judged by the test, not by the nodes. */
export class Statements {
  readonly #blockTimeMs: number;
  /** By author and slot. */
  readonly #seals = new Map<string, Hash>();
  /** By voter, then by the digest of the vote. */
  readonly #votes = new Map<string, Map<string, FfgVote>>();
  readonly contradictions: string[] = [];
  readonly evidence: string[] = [];
  readonly blockHashes = new Set<Hash>();

  /** Known once a peer has joined. */
  genesisHash: Hash = ZERO_HASH;

  constructor(blockTimeMs: number) {
    this.#blockTimeMs = blockTimeMs;
  }

  get voters(): number {
    return this.#votes.size;
  }

  hear(topic: GossipTopic, data: Bytes): void {
    if (topic === 'block') this.#block(decodeBlockWithProof(data).block);
    if (topic === 'consensus' && data[0] === 0) this.#vote(decodeMessage(data.subarray(1)));
    if (topic === 'consensus' && data[0] === 1) this.evidence.push(Buffer.from(data).toString('hex'));
  }

  #block(block: Block): void {
    const { header, body } = block;
    const sealed = sealHash(header);
    this.blockHashes.add(headerHash(header));
    const author = recoverAddress(sealed, header.seal);
    const key = `${author} slot ${Math.floor(header.timeMs / this.#blockTimeMs)}`;
    const known = this.#seals.get(key);
    if (known !== undefined && known !== sealed)
      this.contradictions.push(`two blocks: ${key} (height ${header.number})`);
    this.#seals.set(key, sealed);
    if (body.evidence.length > 0) this.evidence.push(`in block ${header.number}`);
    for (const vote of body.votes) this.#vote(vote);
  }

  #vote(message: SignedMessage): void {
    const signer = messageSigner(
      { chainId: CHAIN_ID, shard: 0, engineId: 'poa', genesisHash: this.genesisHash },
      message,
    );
    const vote = decodeVote(message.payload);
    if (signer === null || vote === null) throw new Error('a vote that nobody signed was passed on');
    const said = this.#votes.get(signer) ?? new Map<string, FfgVote>();
    this.#votes.set(signer, said);
    const key = Buffer.from(message.payload).toString('hex');
    if (said.has(key)) return;
    for (const other of said.values()) {
      const offence = voteOffence(vote, other);
      if (offence !== null) this.contradictions.push(`${offence} of ${signer}: ${shown(other)} and ${shown(vote)}`);
    }
    said.set(key, vote);
  }
}

function shown({ source, target }: FfgVote): string {
  return `${source.epoch}/${source.hash.slice(0, 10)} -> ${target.epoch}/${target.hash.slice(0, 10)}`;
}
