import { sealHash } from '../../src/codec/block.ts';
import { decodeMessage } from '../../src/codec/message.ts';
import { recoverAddress } from '../../src/crypto/secp256k1.ts';
import { encodeHeader, headerHash } from '../../src/codec/block.ts';
import type { ConsensusRules } from '../../src/execution/rules.ts';
import { encodeMessage } from '../../src/codec/message.ts';
import type { Block, Header } from '../../src/types/block.ts';
import type { Evidence } from '../../src/types/evidence.ts';
import type { SignedMessage } from '../../src/types/message.ts';
import type { Address, Bytes, Hash } from '../../src/types/primitives.ts';
import { toHex } from '../../src/util/hex.ts';
import type { SimEngine, SimVote } from './engines.ts';

export type StatementsModules = {
  readonly engine: SimEngine;
  readonly judge: ConsensusRules['judge'];
  /** Keys that must not contradict themselves. */
  readonly honest: ReadonlySet<Address>;
  readonly violated: (code: string, details: string) => void;
};

/** Every seal and vote that was signed by anybody, and whether an honest key ever said two things in one place. */
export class Statements {
  readonly #modules: StatementsModules;
  readonly #headers = new Set<Hash>();
  readonly #seals = new Map<string, { readonly words: Hash; readonly header: Header }>();
  readonly #payloads = new Set<string>();
  readonly #votes = new Map<Address, { readonly vote: SimVote; readonly message: SignedMessage }[]>();
  #contradictions = 0;

  constructor(modules: StatementsModules) {
    this.#modules = modules;
  }

  get seals(): number {
    return this.#seals.size;
  }

  get votes(): number {
    return this.#payloads.size;
  }

  /** Of anybody, adversaries among them. */
  get contradictions(): number {
    return this.#contradictions;
  }

  block(block: Block): void {
    const hash = headerHash(block.header);
    if (block.header.number === 0 || this.#headers.has(hash)) return;
    this.#headers.add(hash);
    this.#seal(block.header);
    for (const message of block.body.votes) this.vote(message);
  }

  encodedVote(bytes: Bytes): void {
    this.vote(decodeMessage(bytes));
  }

  vote(message: SignedMessage): void {
    const key = `${message.from}${toHex(message.payload)}`;
    if (this.#payloads.has(key)) return;
    this.#payloads.add(key);
    const { engine } = this.#modules;
    const vote = engine.readVote(message.payload);
    if (vote === null) return;
    const earlier = this.#votes.get(message.from) ?? [];
    this.#votes.set(message.from, earlier);
    const other = earlier.find((entry) => engine.votesConflict(entry.vote, vote));
    earlier.push({ vote, message });
    if (other === undefined) return;
    const evidence = [encodeMessage(other.message), encodeMessage(message)] as const;
    this.#contradicted('messages', message.from, evidence, `votes ${show(other.vote)} and ${show(vote)}`);
  }

  #seal(header: Header): void {
    const words = sealHash(header);
    const author = recoverAddress(words, header.seal);
    if (author === null) return;
    const place = this.#modules.engine.sealPlace(header);
    const key = `${author}/${place}`;
    const other = this.#seals.get(key);
    this.#seals.set(key, other ?? { words, header });
    if (other === undefined || other.words === words) return;
    const evidence = [encodeHeader(other.header), encodeHeader(header)] as const;
    this.#contradicted(
      'headers',
      author,
      evidence,
      `two seals in ${place}, heights ${other.header.number} and ${header.number}`,
    );
  }

  #contradicted(
    kind: Evidence['kind'],
    offender: Address,
    [first, second]: readonly [Bytes, Bytes],
    what: string,
  ): void {
    const { judge, honest, violated } = this.#modules;
    this.#contradictions++;
    if (honest.has(offender)) violated('SELF_CONTRADICTION', `${offender} signed ${what}`);
    if (judge({ kind, offender, first, second }) === null) {
      violated('OFFENCE_NOT_SEEN', `the engine finds nothing wrong where ${offender} signed ${what}`);
    }
  }
}

function show({ source, target }: SimVote): string {
  return `${source.epoch} -> ${target.epoch} (${target.hash.slice(0, 10)})`;
}
