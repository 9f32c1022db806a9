import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { KEYSPACE } from '../storage/keyspace.ts';
import { VERSION } from '../src/version.ts';

/** The judge of docs/ARCHITECTURE.md: who may import whom, how long things may be, and what pure code may not touch. */

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const LINES_PER_FILE_MAX = 400;
const LINES_PER_FUNCTION_MAX = 70;
const TOPS = ['src', 'consensus', 'p2p', 'storage', 'rpc', 'devnet', 'test', 'bench'];

type SourceFile = { readonly path: string; readonly text: string; readonly lines: readonly string[] };

function filesUnder(folder: string): SourceFile[] {
  const root = join(ROOT, folder);
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.includes('node_modules'))
    .map((name) => {
      const text = readFileSync(join(root, name), 'utf8');
      return { path: join(folder, name), text, lines: text.split('\n') };
    });
}

const ALL = TOPS.flatMap(filesUnder);
const PRODUCT = ALL.filter(({ path }) => !path.startsWith('test/') && !path.startsWith('bench/'));

/** Folder -> folders it may import from (itself always). Type-only exceptions are named in TYPE_ONLY. */
const LAW: Readonly<Record<string, readonly string[]>> = {
  'src/types': ['src/util'],
  'src/util': ['src/types'],
  'src/ports': ['src/types', 'src/util'],
  'src/codec': ['src/types', 'src/util', 'src/crypto'],
  'src/crypto': ['src/types', 'src/util'],
  'src/state': ['src/types', 'src/util', 'src/codec', 'src/crypto', 'src/ports'],
  'src/execution': ['src/types', 'src/util', 'src/codec', 'src/crypto', 'src/ports', 'src/state'],
  'src/chain': ['src/types', 'src/util', 'src/codec', 'src/crypto', 'src/ports', 'src/state', 'src/execution'],
  'src/mempool': ['src/types', 'src/util', 'src/codec', 'src/ports', 'src/execution'],
  'src/wallet': ['src/types', 'src/util', 'src/crypto', 'src/ports'],
  consensus: ['src/types', 'src/util', 'src/codec', 'src/crypto'],
  storage: ['src/types', 'src/util', 'src/codec', 'src/ports'],
  p2p: ['src/types', 'src/util', 'src/codec', 'src/crypto', 'src/ports'],
  rpc: ['src/types', 'src/util', 'src/codec', 'src/crypto'],
  devnet: ['src/types', 'src/util', 'src/crypto'],
  'src/node': ['src', 'consensus', 'p2p', 'storage', 'rpc'],
  'src/cli.ts': ['src', 'devnet'],
};

/** Doors by file, beyond the folders above. */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  rpc: ['src/node/api.ts'],
  devnet: [
    'src/node/config.ts',
    'src/node/config-schema.ts',
    'src/node/dev-keys.ts',
    'src/node/entry.ts',
    'src/node/hash-rate.ts',
    'src/node/ipc.ts',
    'src/node/pid-file.ts',
  ],
};

/** What a simulated call asks and answers is shared between the RPC's port and execution. */
const TYPE_ONLY: Readonly<Record<string, readonly string[]>> = {
  'src/ports': ['consensus/api'],
  'src/execution': ['consensus/api', 'src/node/api.ts'],
  'src/chain': ['consensus/api'],
  'src/mempool': ['consensus/api'],
  'src/wallet': ['consensus/api'],
};

type Import = { readonly from: string; readonly target: string; readonly typeOnly: boolean; readonly bare: boolean };

function importsOf(file: SourceFile): Import[] {
  const found: Import[] = [];
  const pattern =
    /(?:^|\n)\s*(?:import|export)\s+(type\s+)?[^'";]*?from\s+'([^']+)'|import\(\s*'([^']+)'\s*\)|(?:^|\n)\s*import\s+'([^']+)'/g;
  for (const match of file.text.matchAll(pattern)) {
    const specifier = match[2] ?? match[3] ?? match[4] ?? '';
    const bare = !specifier.startsWith('.');
    const target = bare ? specifier : relative(ROOT, resolve(ROOT, dirname(file.path), specifier));
    found.push({ from: file.path, target, typeOnly: match[1] !== undefined, bare });
  }
  return found;
}

const inside = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

function roomOf(path: string): string {
  return Object.keys(LAW).find((room) => inside(path, room)) ?? path;
}

function isAllowed({ from, target, typeOnly }: Import): boolean {
  const room = roomOf(from);
  if (roomOf(target) === room) return true;
  const allowed = [...(LAW[room] ?? []), ...(DOORS[room] ?? []), ...(typeOnly ? (TYPE_ONLY[room] ?? []) : [])];
  return allowed.some((folder) => inside(target, folder));
}

describe('imports', () => {
  const imports = PRODUCT.flatMap(importsOf);

  it('go only where the architecture lets them', () => {
    const wrong = imports.filter((item) => !item.bare && item.from !== 'src/version.ts' && !isAllowed(item));
    expect(wrong.map(({ from, target }) => `${from} -> ${target}`)).toEqual([]);
  });

  it('do not reach from one engine into another', () => {
    const engineOf = (path: string): string | undefined => /^consensus\/(?!api\/|common\/)([^/]+)\//.exec(path)?.[1];
    const wrong = imports.filter(({ from, target }) => {
      const [a, b] = [engineOf(from), engineOf(target)];
      return a !== undefined && b !== undefined && a !== b;
    });
    expect(wrong).toEqual([]);
  });

  it('name LevelDB only in storage/level.ts and libp2p only in p2p', () => {
    const wrong = imports.filter(
      ({ from, target, bare }) =>
        bare &&
        ((/^(level|classic-level|abstract-level)$/.test(target) && from !== 'storage/level.ts') ||
          (/^(libp2p|@libp2p\/|@multiformats\/)/.test(target) && !inside(from, 'p2p'))),
    );
    expect(wrong.map(({ from, target }) => `${from} -> ${target}`)).toEqual([]);
  });

  it('keep Node and its clock out of pure code', () => {
    const pure = [
      'consensus',
      'src/types',
      'src/state',
      'src/execution',
      'src/chain',
      'src/mempool',
      'src/ports',
      'src/wallet',
    ];
    const banned =
      /\bDate\.now\b|\bnew Date\b|\bsetTimeout\b|\bsetInterval\b|\bsetImmediate\b|\bMath\.random\b|\bprocess\.|\bfetch\(|from 'node:|performance\.now/;
    const wrong = PRODUCT.filter(({ path }) => pure.some((folder) => inside(path, folder))).flatMap(({ path, lines }) =>
      lines.flatMap((line, index) =>
        banned.test(line) && !/^\s*(\/\/|\*|\/\*)/.test(line) ? [`${path}:${index + 1}`] : [],
      ),
    );
    expect(wrong).toEqual([]);
  });

  it('compare no engine id outside the registry', () => {
    const pattern = /(?:===|!==|case)\s*'(?:poa|pow|pos|dpos|pbft)'/;
    const wrong = PRODUCT.filter(({ path }) => path !== 'consensus/registry.ts').flatMap(({ path, lines }) =>
      lines.flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}`] : [])),
    );
    expect(wrong).toEqual([]);
  });
});

/** Length of each function by its indentation: good enough for formatted code. */
function longFunctions(file: SourceFile): string[] {
  const found: string[] = [];
  const opening =
    /^(\s*)(?:export )?(?:async )?(?:function\b.*|(?:static |private |override )*(?:async )?\*?#?[\w$]+(?:<.*>)?\(.*\).*)\{$/;
  for (const [start, line] of file.lines.entries()) {
    const match = opening.exec(line);
    if (match === null || /^\s*(?:if|for|while|switch|describe|it|test|return|catch)\b/.test(line)) continue;
    const end = file.lines.findIndex((other, index) => index > start && other === `${match[1] ?? ''}}`);
    if (end - start + 1 > LINES_PER_FUNCTION_MAX) found.push(`${file.path}:${start + 1} (${end - start + 1} lines)`);
  }
  return found;
}

describe('size', () => {
  it('of files stays readable', () => {
    const wrong = ALL.filter(
      ({ path, lines }) => !path.startsWith('test/vectors') && lines.length - 1 > LINES_PER_FILE_MAX,
    );
    expect(wrong.map(({ path, lines }) => `${path} (${lines.length - 1} lines)`)).toEqual([]);
  });

  it('of functions stays readable', () => {
    expect(PRODUCT.flatMap(longFunctions)).toEqual([]);
  });
});

describe('house rules', () => {
  it('no enums, default exports, leftovers or any across files', () => {
    const banned =
      /^\s*(?:export )?(?:const )?enum \b|^export default|\bTODO\b|\bFIXME\b|\bXXX\b|:\s*any\b|\bas any\b|@ts-ignore/;
    const wrong = PRODUCT.flatMap(({ path, lines }) =>
      lines.flatMap((line, index) => (banned.test(line) ? [`${path}:${index + 1}`] : [])),
    );
    expect(wrong).toEqual([]);
  });

  it('every folder tells its rule', () => {
    const folders = new Set(
      PRODUCT.map(({ path }) => dirname(path)).filter((folder) => folder.split('/').length <= 2 && folder !== 'src'),
    );
    const missing = [...folders].filter((folder) => !existsSync(join(ROOT, folder, 'README.md')));
    expect(missing).toEqual([]);
  });

  it('key prefixes are unique', () => {
    const prefixes = Object.values(KEYSPACE);
    expect(new Set(prefixes).size).toBe(prefixes.length);
  });

  it("the version is the package's", () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    expect(VERSION).toBe(manifest.version);
  });

  it('links between documents lead somewhere', () => {
    const documents = [
      'README.md',
      ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.md'))
        .map((name) => join('docs', name)),
    ];
    const broken = documents.flatMap((path) => {
      if (!existsSync(join(ROOT, path))) return [`${path} is missing`];
      const text = readFileSync(join(ROOT, path), 'utf8');
      return [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
        .map((match) => match[1] ?? '')
        .filter((target) => !existsSync(join(ROOT, dirname(path), target)))
        .map((target) => `${path} -> ${target}`);
    });
    expect(broken).toEqual([]);
  });

  it("names no machine's paths", () => {
    const wrong = ALL.filter(({ path }) => path !== 'test/tidy.test.ts').filter(({ text }) =>
      /\/work\/|\/home\/\w|\/Users\/\w/.test(text),
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });
});

describe('the tree', () => {
  it('has only the top folders that were agreed', () => {
    const known = new Set([...TOPS, 'web', 'docs', 'node_modules', 'dist', 'coverage']);
    const wrong = readdirSync(ROOT).filter(
      (name) => !name.startsWith('.') && statSync(join(ROOT, name)).isDirectory() && !known.has(name),
    );
    expect(wrong).toEqual([]);
  });
});
