import { fork, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../src/node/config-schema.ts';
import type { DevKeys } from '../src/node/dev-keys.ts';
import { entryUrl } from '../src/node/entry.ts';
import type { LauncherMessage, NodeMessage } from '../src/node/ipc.ts';

export type ChildExit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

/** One node process of a devnet. Its output goes to node.log in its directory; it ends by itself when the launcher dies. */
export class NodeChild {
  readonly index: number;
  readonly exited: Promise<ChildExit>;
  readonly #process: ChildProcess;

  constructor(options: {
    readonly index: number;
    readonly config: Config;
    readonly keys: DevKeys;
    readonly dataDir: string;
    readonly onMessage: (message: NodeMessage) => void;
  }) {
    this.index = options.index;
    const directory = join(options.dataDir, `node-${options.index}`);
    mkdirSync(directory, { recursive: true });
    const log = openSync(join(directory, 'node.log'), 'a');
    this.#process = fork(fileURLToPath(entryUrl('node-main')), [], {
      serialization: 'advanced',
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    const { config, index, keys } = options;
    this.#tell({ type: 'start', config, index, keys });
    this.#process.on('message', (message) => options.onMessage(message as NodeMessage));
    this.exited = new Promise((resolve) => {
      this.#process.once('exit', (code, signal) => resolve({ code, signal }));
      this.#process.once('error', () => resolve({ code: 1, signal: null }));
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Asks; after `graceMs` insists. */
  async stop(graceMs: number): Promise<void> {
    this.#tell({ type: 'stop' });
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), graceMs);
    await this.exited;
    clearTimeout(timer);
  }

  /** A child that is gone hears nothing; `exited` tells of it. */
  #tell(message: LauncherMessage): void {
    if (this.#process.connected) this.#process.send(message, () => {});
  }
}
