/** Failures in the words that tools know, which are those of go-ethereum, by the words of the EVM library. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ['revert', 'execution reverted'],
  ['code store out of gas', 'contract creation code storage out of gas'],
  ['code size to deposit exceeds maximum code size', 'max code size exceeded'],
  ['stack overflow', 'stack limit reached'],
  ['invalid JUMP', 'invalid jump destination'],
  ['static state change', 'write protection'],
  ['create collision', 'contract address collision'],
  ['insufficient balance', 'insufficient balance for transfer'],
  ['call depth exceeded', 'max call depth exceeded'],
  ['initcode exceeds max initcode size', 'max initcode size exceeded'],
  ['invalid bytecode deployed', 'invalid code: must not begin with 0xef'],
]);

/** `words`: of EvmFrameEnd.error. */
export function vmError(words: string): string {
  // The library says where: in which code, at which position.
  const [what = words] = words.split(' at 0x', 1);
  return WORDS.get(what) ?? what;
}
