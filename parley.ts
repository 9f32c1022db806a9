import { pathToFileURL } from 'node:url';

/** The command line of this checkout, built; where it cannot be built (no bundler, nothing may be written), from its sources. */
async function entry(): Promise<string> {
  try {
    const { builtCli } = await import('./build.ts');
    return pathToFileURL(await builtCli()).href;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`parley: running from the sources, which starts more slowly: ${reason}\n`);
    return new URL('./src/cli.ts', import.meta.url).href;
  }
}

await import(await entry());
