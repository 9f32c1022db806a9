import type { HowReceived } from '../../consensus/api/engine.ts';
import type { Verdict } from '../../consensus/api/verdict.ts';
import type { Header } from '../types/block.ts';
import type { Address } from '../types/primitives.ts';

/** The engine's reading side, as import needs it. An Engine is one. */
export interface HeaderJudge {
  /** Throws CodecError when the seal names nobody. */
  author(header: Header): Address;
  checkHeader(header: Header, parent: Header, author: Address, how: HowReceived): Verdict;
}
