import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parse as parseToml, TomlError } from 'smol-toml';
import { z } from 'zod';
import type { EngineFactory } from '../../consensus/api/engine.ts';
import { accountsFromMnemonic } from '../crypto/mnemonic.ts';
import type { JsonValue } from '../types/primitives.ts';
import { ConfigError, errorText } from '../util/errors.ts';
import { configSchema, type Config } from './config-schema.ts';
import { engineOf, resolveEngine } from './engine-loader.ts';
import { parseEngineParams } from './engine-params.ts';
import { readRpcAccess } from './rpc-access.ts';

const PORT_MAX = 65_535;

/** Flags by the file's names; only those that were given. */
export type ConfigFlags = { readonly [key: string]: string | number | boolean | undefined };

/** Flags win over the file, the file over defaults. Throws ConfigError that names the path of every wrong key or value. */
export function loadConfig(file: string | undefined, flags: ConfigFlags): Config {
  return checkConfig(loadGiven(file, flags), file);
}

/** Only what the user said: the file's values under the flags', not yet checked. */
export function loadGiven(file: string | undefined, flags: ConfigFlags): Record<string, unknown> {
  const fromFile = file === undefined ? {} : withEngineFrom(dirname(file), readConfigFile(file));
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
  return { ...fromFile, ...withEngineFrom('.', given) };
}

/** An engine's module is named as seen from the file, or from where the command is given. */
function withEngineFrom(directory: string, given: Record<string, unknown>): Record<string, unknown> {
  const { consensus } = given;
  return typeof consensus === 'string' ? { ...given, consensus: resolveEngine(consensus, directory) } : given;
}

export function checkConfig(input: unknown, source = 'configuration'): Config {
  const result = configSchema.safeParse(input);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => {
    const path = issue.path.join('.');
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => `${path === '' ? key : `${path}.${key}`}: unknown key`).join('; ');
    }
    return `${path === '' ? '(top level)' : path}: ${issue.message}`;
  });
  const first = result.error.issues[0];
  const path = first?.code === 'unrecognized_keys' ? [...first.path, first.keys[0] ?? ''] : (first?.path ?? []);
  throw new ConfigError(`${source}: ${problems.join('; ')}`, { path: path.join('.') });
}

function readConfigFile(file: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`cannot read the configuration file ${file}: ${errorText(error)}`, { file });
  }
  try {
    return parseToml(text);
  } catch (error) {
    const line = errorText(error).split('\n')[0] ?? '';
    const place = error instanceof TomlError ? `${file}:${error.line}:${error.column}` : file;
    throw new ConfigError(`${place} is not valid TOML: ${line}`, { file });
  }
}

export type CheckedEngine = { readonly factory: EngineFactory; readonly params: JsonValue };

/**
 * What the schema cannot see of a network: that its engine exists and takes its parameters, that its phrase is one, that the
 * files of its RPC can be read, that its ports suffice. To be asked before anything is written. Throws ConfigError.
 */
export async function checkNetwork(config: Config): Promise<CheckedEngine> {
  const factory = await engineOf(config.consensus);
  const params = parseEngineParams(factory, config);
  accountsFromMnemonic(config.mnemonic, 0);
  readRpcAccess(config.rpc);
  const { nodes, 'rpc-port': rpcPort, 'p2p-port': p2pPort } = config;
  for (const key of ['rpc-port', 'p2p-port'] as const) {
    if (config[key] + nodes - 1 <= PORT_MAX) continue;
    throw new ConfigError(
      `${key}: ${config[key]} leaves no ports for ${nodes} nodes, each takes the next up to ${PORT_MAX}`,
      {
        path: key,
      },
    );
  }
  if (rpcPort !== 0 && p2pPort !== 0 && Math.abs(rpcPort - p2pPort) < nodes) {
    throw new ConfigError(
      `p2p-port: ${p2pPort} and the ${nodes - 1} after it meet the ports from rpc-port ${rpcPort} on`,
      {
        path: 'p2p-port',
      },
    );
  }
  return { factory, params };
}

/** The whole configuration as a JSON Schema (draft 2020-12). */
export function configJsonSchema(): object {
  return z.toJSONSchema(configSchema, { io: 'input' });
}

/** A commented TOML file with every key and its default. */
export function configTemplate(): string {
  const head = ['# Parley configuration. Every key is optional; what is shown is the default.', ''];
  return `${[...head, ...templateLines(configSchema.shape), ...templateSections(configSchema.shape, [])].join('\n')}\n`;
}

type Shape = { readonly [key: string]: z.ZodType };

function objectShape(schema: z.ZodType): Shape | null {
  const inner = schema instanceof z.ZodPrefault ? schema.unwrap() : schema;
  return inner instanceof z.ZodObject ? inner.shape : null;
}

function templateSections(shape: Shape, path: readonly string[]): string[] {
  return Object.entries(shape).flatMap(([name, schema]) => {
    const inner = objectShape(schema);
    const here = [...path, name];
    if (inner !== null) return ['', `[${here.join('.')}]`, ...templateLines(inner), ...templateSections(inner, here)];
    return isEngine(schema) ? ['', '[engine]', '# Parameters of the engine; see consensus/<engine>/README.md'] : [];
  });
}

function templateLines(shape: Shape): string[] {
  const lines: string[] = [];
  for (const [key, schema] of Object.entries(shape)) {
    if (objectShape(schema) !== null || isEngine(schema)) continue;
    const fallback = schema.safeParse(undefined);
    const value = fallback.success ? fallback.data : undefined;
    lines.push(`# ${schema.description ?? ''}`);
    if (value === undefined || (typeof value === 'object' && !Array.isArray(value))) lines.push(`# ${key} =`);
    else lines.push(`${key} = ${JSON.stringify(value)}`);
  }
  return lines;
}

/** Its keys are the engine's own. */
function isEngine(schema: z.ZodType): boolean {
  return schema === configSchema.shape.engine;
}
