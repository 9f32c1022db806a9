/** Asks until the answer is good. Errors count as "not yet" until the time is up; then the last one is told. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | false | null | undefined>,
  options: { readonly timeoutMs?: number; readonly everyMs?: number } = {},
): Promise<T> {
  const { timeoutMs = 30_000, everyMs = 100 } = options;
  const deadline = Date.now() + timeoutMs;
  let last: unknown = null;
  while (Date.now() < deadline) {
    try {
      const answer = await ask();
      if (answer !== false && answer !== null && answer !== undefined) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    await new Promise((wake) => setTimeout(wake, everyMs));
  }
  throw new Error(`${what}: not within ${timeoutMs} ms (last: ${last instanceof Error ? last.message : String(last)})`);
}
