import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { KeyValueBlockStore } from '../../storage/block-store.ts';
import { KeyValueGuardStore } from '../../storage/guard-store.ts';
import { LevelStore } from '../../storage/level.ts';
import type { GuardStore } from '../ports/stores.ts';
import type { Address, Hash } from '../types/primitives.ts';
import { ConfigError, errorCode, errorText, ParleyError } from '../util/errors.ts';
import { isHex } from '../util/hex.ts';
import { assertSize, decodeInterchange, encodeInterchange, type Interchange } from '../wallet/interchange.ts';
import { conflictText, exportProtection, importProtection } from '../wallet/slashing-protection.ts';
import { parseValidatorName } from '../wallet/validator-name.ts';
import { pidFileHolder } from './pid-file.ts';

/** Whose guard, as the command line names it. */
type Place = {
  readonly dataDir: string;
  /** Of a devnet. */
  readonly node?: number | undefined;
  /** Hash of block 0. */
  readonly genesis?: string | undefined;
};

/** `parley wallet slashing-protection export`. Throws ConfigError, DATA_DIR_IN_USE or GUARD_DAMAGED. */
export async function exportSlashingProtection(
  options: Place & { readonly key?: string | undefined; readonly minimal?: boolean; readonly out?: string | undefined },
): Promise<void> {
  const address = options.key === undefined ? null : keyAddress(options.key);
  const { out } = options;
  if (out !== undefined && existsSync(out)) throw new ConfigError(`${out} exists; name another --out`, { file: out });
  const { interchange, otherRecords } = await withStoppedNode(options, (directory, genesisHash) =>
    withGuard(directory, { create: false }, (guard) =>
      exportProtection(guard, { genesisHash, address, strategy: options.minimal === true ? 'minimal' : 'complete' }),
    ),
  );
  if (address !== null && interchange.validators.length === 0 && otherRecords === 0) {
    throw new ConfigError(
      `this guard has no record of ${address} on this network; check --key, --data-dir and --node`,
      {
        path: 'key',
      },
    );
  }
  const text = encodeInterchange(interchange);
  if (out === undefined) process.stdout.write(text);
  else {
    writeNew(out, text);
    process.stdout.write(`wrote ${out}: ${contentText(interchange)}\n`);
  }
  if (otherRecords === 0) return;
  process.stderr.write(
    `parley: records of other kinds (round-based votes, seals of authorities) stay behind, this format has no place for them: ${otherRecords}\n`,
  );
}

/** `parley wallet slashing-protection import`. Throws ConfigError, DATA_DIR_IN_USE, GUARD_DAMAGED or INTERCHANGE_*; nothing was written then. */
export async function importSlashingProtection(
  file: string,
  options: Place & { readonly acceptConflicts?: boolean },
): Promise<void> {
  const text = readInterchange(file);
  const { acceptConflicts = false } = options;
  await withStoppedNode(options, async (directory, genesisHash) => {
    const interchange = decodeInterchange(text, { genesisHash });
    const create = options.node !== undefined || hasNode(directory);
    const conflicts = await withGuard(directory, { create }, (guard) =>
      importProtection(guard, interchange, { acceptConflicts }),
    );
    for (const conflict of conflicts) {
      process.stderr.write(`parley: ${conflictText(conflict)}; it may now sign only above both\n`);
    }
    process.stdout.write(`imported ${contentText(interchange)} into ${guardPath(directory)}\n`);
  });
}

function contentText({ validators }: Interchange): string {
  const blocks = validators.reduce((sum, item) => sum + item.blocks.length, 0);
  const votes = validators.reduce((sum, item) => sum + item.votes.length, 0);
  return `keys ${validators.length}, signed blocks ${blocks}, signed attestations ${votes}`;
}

function writeNew(file: string, text: string): void {
  try {
    writeFileSync(file, text, { flag: 'wx' });
  } catch (error) {
    throw new ConfigError(`cannot write ${file}: ${errorText(error)}`, { file });
  }
}

function keyAddress(text: string): Address {
  const address = parseValidatorName(text);
  if (address !== null) return address;
  throw new ConfigError('--key: expected an address or a compressed public key as 0x…', { path: 'key' });
}

function readInterchange(file: string): string {
  try {
    assertSize(statSync(file).size);
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof ParleyError) throw error;
    throw new ConfigError(`cannot read the interchange file ${file}: ${errorText(error)}`, { file });
  }
}

/** Keeps a node that stands still from starting meanwhile: its chain, which tells the network, is held open. */
async function withStoppedNode<Result>(
  place: Place,
  use: (directory: string, genesisHash: Hash) => Promise<Result>,
): Promise<Result> {
  const named = namedGenesis(place.genesis);
  const directory = nodeDirectory(place);
  const pid = pidFileHolder(join(directory, 'node.pid'));
  if (pid !== null) {
    const message = `${directory} is in use by the node of process ${pid}; stop it first`;
    throw new ParleyError('DATA_DIR_IN_USE', message, { pid });
  }
  const chain = await openChain(join(directory, 'chain'));
  try {
    return await use(directory, genesisOf(directory, chain, named));
  } finally {
    await chain?.close();
  }
}

/** `create`: where there is none at all; one that is not whole is never made anew. Else a typing error would make one where no node looks. */
async function withGuard<Result>(
  directory: string,
  { create }: { readonly create: boolean },
  use: (guard: GuardStore) => Promise<Result>,
): Promise<Result> {
  const path = guardPath(directory);
  const exists = existsSync(path);
  if (!exists && !create) {
    const isFresh = hasNode(directory) ? '' : '; a node that is new must have been started once, without its key';
    const message = `there is no signing guard in ${resolve(directory)}; check --data-dir and --node${isFresh}`;
    throw new ConfigError(message, { path: 'data-dir' });
  }
  const guard = await LevelStore.open(path, { createIfMissing: !exists });
  try {
    return await use(new KeyValueGuardStore(guard));
  } finally {
    await guard.close();
  }
}

function guardPath(directory: string): string {
  return resolve(directory, 'guard');
}

/** What a node leaves in its directory when it starts. */
function hasNode(directory: string): boolean {
  return ['guard', 'chain', 'peer.key', 'node.pid'].some((name) => existsSync(join(directory, name)));
}

function namedGenesis(text: string | undefined): Hash | null {
  if (text === undefined) return null;
  if (isHex(text, 32)) return text.toLowerCase() as Hash;
  throw new ConfigError('--genesis: expected a hash of 32 bytes as 0x…', { path: 'genesis' });
}

function nodeDirectory({ dataDir, node }: Place): string {
  const directory = node === undefined ? dataDir : join(dataDir, `node-${node}`);
  if (!existsSync(directory)) {
    throw new ConfigError(`${directory} does not exist; check --data-dir and --node`, { path: 'data-dir' });
  }
  if (hasNode(directory) || node !== undefined) return directory;
  const siblings = namesIn(directory).filter((name) => /^node-\d+$/.test(name));
  if (siblings.length === 0) return directory;
  throw new ConfigError(`${dataDir} holds several nodes (${siblings.join(', ')}); name one with --node`, {
    path: 'node',
  });
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).sort();
  } catch (error) {
    throw new ConfigError(`data-dir: ${directory} cannot be used: ${errorText(error)}`, { path: 'data-dir' });
  }
}

async function openChain(path: string): Promise<LevelStore | null> {
  try {
    return await LevelStore.open(path, { createIfMissing: false });
  } catch (error) {
    if (errorCode(error) === 'DATA_DIR_MISSING') return null;
    throw error;
  }
}

function genesisOf(directory: string, chain: LevelStore | null, named: Hash | null): Hash {
  const found = chain === null ? undefined : new KeyValueBlockStore(chain).canonicalHash(0);
  if (found !== undefined && named !== null && found !== named) {
    throw new ConfigError(`--genesis: the chain in ${directory} is another, its genesis is ${found}`, {
      path: 'genesis',
    });
  }
  const genesisHash = found ?? named;
  if (genesisHash !== null) return genesisHash;
  throw new ConfigError(
    `there is no chain in ${directory} yet to tell the network by; name it with --genesis, the hash of its block 0`,
    { path: 'genesis' },
  );
}
