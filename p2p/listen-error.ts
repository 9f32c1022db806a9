import { errorText, ParleyError } from '../src/util/errors.ts';

/** NETWORK_LISTEN. The library's text is long and holds stacks; what counts in it is the system's code. */
export function listenError(error: unknown, listen: readonly string[]): ParleyError {
  const text = (error instanceof AggregateError ? error.errors : [error]).map(errorText).join('; ');
  const isTaken = text.includes('EADDRINUSE');
  const reason = isTaken
    ? 'the address is in use (EADDRINUSE); stop the other program or choose another p2p-port'
    : (/\b(?:listen )?E[A-Z]{3,}\b[^\n]*/.exec(text)?.[0] ?? text.split('\n', 1)[0] ?? '');
  const message = `cannot listen on ${listen.join(', ')}: ${reason}`;
  return new ParleyError('NETWORK_LISTEN', message, { listen: [...listen] }, { cause: error });
}
