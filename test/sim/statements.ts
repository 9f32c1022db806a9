import { encodeHeader, headerHash, sealHash } from '../../src/codec/block.ts';
import { decodeMessage, encodeMessage } from '../../src/codec/message.ts';
import { recoverAddress } from '../../src/crypto/secp256k1.ts';
import type { ConsensusRules } from '../../src/execution/rules.ts';
import type { Block, Header } from '../../src/types/block.ts';
import type { Evidence } from '../../src/types/evidence.ts';
import type { SignedMessage } from '../../src/types/message.ts';
import type { Address, Bytes, Hash } from '../../src/types/primitives.ts';
import { toHex } from '../../src/util/hex.ts';
import type { SimEngine } from './engines.ts';

export type StatementsModules = {
  readonly engine: SimEngine;
  readonly judge: ConsensusRules['judge'];
  /** The message's signature is by whom it names. */
  readonly verify: (message: SignedMessage) => boolean;
  /** Keys that must not contradict themselves. */
  readonly honest: ReadonlySet<Address>;
  readonly violated: (code: string, details: string) => void;
};

/** What a message says is known to the engine's author only. */
type Statement = { readonly says: unknown; readonly message: SignedMessage };

/** Every seal and message that was signed by anybody, and whether an honest key ever said two things in one place. */
export class Statements {
  readonly #modules: StatementsModules;
  readonly #headers = new Set<Hash>();
  readonly #seals = new Map<string, { readonly words: Hash; readonly header: Header }>();
  readonly #payloads = new Set<string>();
  /** By author and scope. */
  readonly #statements = new Map<string, Statement[]>();
  readonly #proven = new Set<Address>();
  #contradictions = 0;

  constructor(modules: StatementsModules) {
    this.#modules = modules;
  }

  get seals(): number {
    return this.#seals.size;
  }

  get messages(): number {
    return this.#payloads.size;
  }

  /** Of anybody, adversaries among them. */
  get contradictions(): number {
    return this.#contradictions;
  }

  /** Whom the engine convicts by what they signed. */
  get offenders(): ReadonlySet<Address> {
    return this.#proven;
  }

  block(block: Block): void {
    const hash = headerHash(block.header);
    if (block.header.number === 0 || this.#headers.has(hash)) return;
    this.#headers.add(hash);
    this.#seal(block.header);
    for (const message of block.body.votes) this.message(message);
  }

  encodedMessage(bytes: Bytes): void {
    this.message(decodeMessage(bytes));
  }

  message(message: SignedMessage): void {
    const key = `${message.from}${toHex(message.payload)}`;
    const { testing } = this.#modules.engine;
    if (testing.messages === undefined || this.#payloads.has(key) || !this.#modules.verify(message)) return;
    this.#payloads.add(key);
    const { read, scope, contradict, show } = testing.messages;
    const says: unknown = read(message.payload);
    if (says === null) return;
    const bucket = `${message.from}${scope(says)}`;
    const earlier = this.#statements.get(bucket) ?? [];
    this.#statements.set(bucket, earlier);
    const other = earlier.find((entry) => contradict(entry.says, says));
    earlier.push({ says, message });
    if (other === undefined) return;
    const evidence = [encodeMessage(other.message), encodeMessage(message)] as const;
    this.#contradicted('messages', message.from, evidence, `${show(other.says)} and ${show(says)}`);
  }

  #seal(header: Header): void {
    const { engine } = this.#modules;
    const { sealPlace } = engine.testing;
    if (sealPlace === undefined) return;
    const words = sealHash(header);
    const author = recoverAddress(words, header.seal);
    if (author === null) return;
    const place = sealPlace(engine.parsed, header);
    const key = `${author}/${place}`;
    const other = this.#seals.get(key);
    this.#seals.set(key, other ?? { words, header });
    if (other === undefined || other.words === words) return;
    const evidence = [encodeHeader(other.header), encodeHeader(header)] as const;
    const heights = `heights ${other.header.number} and ${header.number}`;
    this.#contradicted('headers', author, evidence, `two seals in ${place}, ${heights}`);
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
    if (judge({ kind, offender, first, second }) !== null) this.#proven.add(offender);
    else {
      violated('OFFENCE_NOT_SEEN', `the engine finds nothing wrong where ${offender} signed ${what}`);
    }
  }
}
