import module from 'node:module';

/**
 * To be called before anything large is imported. Node 22 and newer keep compiled code between starts, which halves the CPU time
 * of a start; Node 20 lacks a function that libp2p calls.
 */
export function prepareRuntime(): void {
  const { enableCompileCache } = module as { enableCompileCache?: () => unknown };
  enableCompileCache?.();
  const { withResolvers } = Promise as { withResolvers?: unknown };
  if (withResolvers === undefined) Object.assign(Promise, { withResolvers: resolversOf });
}

/** ES2024 Promise.withResolvers. */
function resolversOf<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (reason: unknown) => void } {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((take, refuse) => {
    resolve = take;
    reject = refuse;
  });
  return { promise, resolve, reject };
}
