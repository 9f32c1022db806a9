/**
 * A look at JSON text before it is parsed. Bytes alone do not bound what parsing costs: 5 MiB of `[` take JSON.parse
 * seconds, 5 MiB of `{},` most of one, and nobody else is answered meanwhile. So brackets and commas are counted first,
 * which takes milliseconds. What is wrong otherwise is left to JSON.parse to find.
 */
import type { RpcLimits } from './limits.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** For people; null: fit to be parsed. */
export function shapeProblem(text: string, { jsonDepthMax, jsonValuesMax }: RpcLimits): string | null {
  // Nesting takes two characters a level and a value one: most messages are too short for too much of either.
  if (text.length <= 2 * jsonDepthMax && text.length <= jsonValuesMax) return null;
  let depth = 0;
  let values = 1;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = stringEnd(text, at);
        break;
      case OPEN_ARRAY:
      case OPEN_OBJECT:
        values++;
        if (++depth > jsonDepthMax) return `nested deeper than ${jsonDepthMax}`;
        break;
      case CLOSE_ARRAY:
      case CLOSE_OBJECT:
        depth--;
        break;
      case COMMA:
        values++;
        break;
    }
    if (values > jsonValuesMax) return `more than ${jsonValuesMax} values`;
  }
  return null;
}

/** Place of the closing quote; the text's end where there is none. */
function stringEnd(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return end;
  }
  return text.length;
}
