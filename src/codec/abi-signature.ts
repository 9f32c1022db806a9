/**
 * Human-readable ABI ("function f(address to) view returns (uint256)") to JSON ABI, and what identifies its items in calls and logs:
 * selectors and topics.
 */
import { keccak256 } from '../crypto/keccak.ts';
import type { Hash, Hex } from '../types/primitives.ts';
import { CodecError } from '../util/errors.ts';
import type { AbiParameter } from './abi.ts';

export type AbiFunction = {
  readonly type: 'function';
  readonly name: string;
  readonly stateMutability: 'view' | 'nonpayable' | 'payable';
  readonly inputs: readonly AbiParameter[];
  readonly outputs: readonly AbiParameter[];
};

export type AbiEvent = { readonly type: 'event'; readonly name: string; readonly inputs: readonly AbiParameter[] };

/** One line as Solidity would have it; tuples are parameters in parentheses. Throws CodecError ABI_SIGNATURE. */
export function parseAbiItem(text: string): AbiFunction | AbiEvent {
  const tokens = text.match(/[A-Za-z_$][\w$]*(?:\[[0-9]*\])*|\)(?:\[[0-9]*\])*|[(,]|\S/g) ?? [];
  const reader = new SignatureReader(text, tokens);
  const kind = reader.take();
  const name = reader.take();
  const inputs = reader.parameters();
  if (kind === 'event') {
    reader.end();
    return { type: 'event', name, inputs: inputs.map((input) => ({ ...input, indexed: input.indexed === true })) };
  }
  if (kind !== 'function') throw broken(text);
  const word = reader.isNext('view') || reader.isNext('payable') ? reader.take() : 'nonpayable';
  const stateMutability = word as AbiFunction['stateMutability'];
  const outputs = reader.skip('returns') ? reader.parameters() : [];
  reader.end();
  return { type: 'function', name, stateMutability, inputs, outputs };
}

/** `name(type,…)`, tuples spelled out. */
export function canonicalSignature({ name, inputs }: Pick<AbiFunction, 'name' | 'inputs'>): string {
  return `${name}(${inputs.map(canonicalType).join(',')})`;
}

/** 4 bytes. */
export function functionSelector(item: Pick<AbiFunction, 'name' | 'inputs'>): Hex {
  return `0x${hashOf(item).slice(2, 10)}`;
}

export function eventTopic(item: Pick<AbiEvent, 'name' | 'inputs'>): Hash {
  return hashOf(item);
}

function hashOf(item: Pick<AbiFunction, 'name' | 'inputs'>): Hash {
  return keccak256(Buffer.from(canonicalSignature(item)));
}

function canonicalType({ type, components }: AbiParameter): string {
  if (components === undefined) return type;
  return `(${components.map(canonicalType).join(',')})${type.slice('tuple'.length)}`;
}

class SignatureReader {
  readonly #text: string;
  readonly #tokens: string[];

  constructor(text: string, tokens: readonly string[]) {
    this.#text = text;
    this.#tokens = [...tokens];
  }

  take(): string {
    const token = this.#tokens.shift();
    if (token === undefined || !/^[\w$]/.test(token)) throw broken(this.#text);
    return token;
  }

  isNext(token: string): boolean {
    return this.#tokens[0] === token;
  }

  skip(token: string): boolean {
    if (!this.isNext(token)) return false;
    this.#tokens.shift();
    return true;
  }

  end(): void {
    if (this.#tokens.length > 0) throw broken(this.#text);
  }

  parameters(): AbiParameter[] {
    const { list, brackets } = this.#list();
    if (brackets !== '') throw broken(this.#text);
    return list;
  }

  /** Parameters in parentheses, and the array brackets behind them. */
  #list(): { readonly list: AbiParameter[]; readonly brackets: string } {
    const list: AbiParameter[] = [];
    if (!this.skip('(')) throw broken(this.#text);
    while (!this.#isClosing()) {
      if (list.length > 0 && !this.skip(',')) throw broken(this.#text);
      list.push(this.#parameter());
    }
    return { list, brackets: (this.#tokens.shift() ?? '').slice(1) };
  }

  #parameter(): AbiParameter {
    const components = this.isNext('(') ? this.#list() : null;
    const type = components === null ? this.take() : `tuple${components.brackets}`;
    const indexed = this.skip('indexed');
    const name = this.isNext(',') || this.#isClosing() ? '' : this.take();
    return {
      name,
      type,
      ...(components === null ? {} : { components: components.list }),
      ...(indexed ? { indexed } : {}),
    };
  }

  #isClosing(): boolean {
    const token = this.#tokens[0];
    if (token === undefined) throw broken(this.#text);
    return token.startsWith(')');
  }
}

function broken(text: string): CodecError {
  return new CodecError('ABI_SIGNATURE', `not a function or event: ${text}`);
}
