import { decodeBlockWithProof, headerHash, sealHash } from '../../../src/codec/block.ts';
import { decodeMessage, messageSigner } from '../../../src/codec/message.ts';
import { recoverAddress } from '../../../src/crypto/secp256k1.ts';
import type { Block } from '../../../src/types/block.ts';
import type { SignedMessage } from '../../../src/types/message.ts';
import { ZERO_HASH, type Bytes, type Hash } from '../../../src/types/primitives.ts';
import type { GossipTopic } from '../../../src/ports/network.ts';
import type { EngineUnderTest } from '../../engines/engine-under-test.ts';
import { CHAIN_ID } from './test-peer.ts';

/** Everything validators were heard to sign, and whether any of it contradicts itself. Judged by the test, not by the nodes. */
export class Statements {
  readonly #engine: EngineUnderTest;
  readonly #params: unknown;
  /** By author and place. */
  readonly #seals = new Map<string, Hash>();
  /** By signer and scope, then by the bytes that were signed. */
  readonly #said = new Map<string, Map<string, unknown>>();
  readonly #signers = new Set<string>();
  readonly contradictions: string[] = [];
  readonly evidence: string[] = [];
  readonly blockHashes = new Set<Hash>();

  /** Known once a peer has joined. */
  genesisHash: Hash = ZERO_HASH;

  constructor(engine: EngineUnderTest, params: unknown) {
    this.#engine = engine;
    this.#params = params;
  }

  /** How many were heard to sign messages. */
  get signers(): number {
    return this.#signers.size;
  }

  hear(topic: GossipTopic, data: Bytes): void {
    if (topic === 'block') this.#block(decodeBlockWithProof(data).block);
    if (topic === 'consensus' && data[0] === 0) this.#message(decodeMessage(data.subarray(1)));
    if (topic === 'consensus' && data[0] === 1) this.evidence.push(Buffer.from(data).toString('hex'));
  }

  #block({ header, body }: Block): void {
    this.blockHashes.add(headerHash(header));
    if (body.evidence.length > 0) this.evidence.push(`in block ${header.number}`);
    for (const vote of body.votes) this.#message(vote);
    const place = this.#engine.testing.sealPlace?.(this.#params, header);
    if (place === undefined) return;
    const words = sealHash(header);
    const key = `${recoverAddress(words, header.seal)} ${place}`;
    const known = this.#seals.get(key);
    if (known !== undefined && known !== words)
      this.contradictions.push(`two blocks: ${key} (height ${header.number})`);
    this.#seals.set(key, words);
  }

  #message(message: SignedMessage): void {
    const { factory, testing } = this.#engine;
    const context = { chainId: CHAIN_ID, shard: 0, engineId: factory.id, genesisHash: this.genesisHash };
    const signer = messageSigner(context, message);
    const statement = testing.messages?.read(message.payload) ?? null;
    if (signer === null || testing.messages === undefined || statement === null) {
      throw new Error('a message that nobody signed, or that is none, was passed on');
    }
    this.#signers.add(signer);
    const scope = `${signer} ${testing.messages.scope(statement)}`;
    const said = this.#said.get(scope) ?? new Map<string, unknown>();
    this.#said.set(scope, said);
    const key = Buffer.from(message.payload).toString('latin1');
    if (said.has(key)) return;
    for (const other of said.values()) {
      if (!testing.messages.contradict(other, statement)) continue;
      const [first, second] = [testing.messages.show(other), testing.messages.show(statement)];
      this.contradictions.push(`${signer} said ${first} and ${second}`);
    }
    said.set(key, statement);
  }
}
