import { existsSync, writeFileSync } from 'node:fs';
import { ConfigError, errorText } from '../util/errors.ts';
import { configJsonSchema, configTemplate } from './config.ts';

/** `parley init`: writes the commented configuration, or prints the schema. Never overwrites unless told to. */
export function runInit(options: { readonly file: string; readonly schema: boolean; readonly force: boolean }): void {
  if (options.schema) {
    process.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
    return;
  }
  if (existsSync(options.file) && !options.force) {
    throw new ConfigError(`${options.file} exists; use --force to overwrite it`, { file: options.file });
  }
  try {
    writeFileSync(options.file, configTemplate());
  } catch (error) {
    throw new ConfigError(`cannot write ${options.file}: ${errorText(error)}`, { file: options.file });
  }
  process.stdout.write(`wrote ${options.file}; start with: parley devnet --config ${options.file}\n`);
}
