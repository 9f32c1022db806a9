import type { Rng } from '../../src/util/rng.ts';
import type { Header } from '../../src/types/block.ts';
import type { Bytes, Hash, JsonObject, Millis } from '../../src/types/primitives.ts';

/** A block as a liar sees it. */
export type SeenBlock = { readonly hash: Hash; readonly number: number; readonly parent: SeenBlock | undefined };

/** How the messages of an engine contradict each other. */
export type MessageTesting<S = unknown> = {
  /** null: not a message of this engine. */
  read(payload: Bytes): S | null;
  /** Only messages of one author with one scope are held against each other. */
  scope(statement: S): string;
  /** Two statements, different to the byte, of which honest software makes at most one. */
  contradict(a: S, b: S): boolean;
  /** For people. */
  show(statement: S): string;
};

/**
 * What the conformance suite and the simulator need to know of an engine beyond the seam. It stands beside the engine
 * (`testing.ts`); a module outside the repository exports it as `testing`, and may leave out what does not apply.
 */
export type EngineTesting = {
  /** Parameters, as JSON of a configuration, of a calm network with about a block a second. */
  readonly params: JsonObject;
  /** Other parameters worth a try, drawn from a seed: for the suite's storms. */
  readonly stormParams?: (draw: Rng) => JsonObject;
  /** The same for simulated clusters, whose phases last about a minute. */
  readonly simParams?: (draw: Rng) => JsonObject;
  /** JSON that `parseParams` must refuse, and the path that it must name. */
  readonly badParams?: readonly (readonly [json: unknown, path: string])[];
  /** How many may misbehave: less than a third of the validators (default), the owners of less than half of the work, or none. */
  readonly faults?: 'third' | 'half' | 'none';
  /** Longest partition that finality is meant to survive; without it, every one. */
  readonly partitionMsMax?: Millis;
  /** Where a seal stands: two different headers of one author in one place contradict each other. Default: never. */
  readonly sealPlace?: (params: unknown, header: Header) => string;
  readonly messages?: MessageTesting;
  /** Domains of the guard in which a place is the time: there a clock that was set back makes it refuse, and that is right. */
  readonly clockDomains?: readonly string[];
  /** The n-th of many well-formed payloads about blocks that do not exist. */
  readonly flood?: (n: number) => Bytes;
  /** What a faulty validator may say on seeing a block. */
  readonly lies?: (block: SeenBlock) => readonly Bytes[];
  /** Counter of `describe` that shows how many messages are kept, and the most there may be of one validator. */
  readonly kept?: readonly [counter: string, perValidatorMax: number];
};

/** Keeps the statement's type inside: the caller sees only that `read` fits the others. */
export function messageTesting<S>(testing: MessageTesting<S>): MessageTesting {
  return testing;
}
