import { join } from 'node:path';
import { ConfigError, errorText } from '../util/errors.ts';
import type { LauncherMessage, NodeMessage } from './ipc.ts';
import { createLog } from './logging.ts';
import { Node } from './node.ts';
import { removePidFile, writePidFile } from './pid-file.ts';
import type { NodeSettings } from './settings.ts';

/** Head news for the launcher, at most this often after the first block. */
const HEAD_NEWS_INTERVAL_MS = 1_000;
/** A node that has not stopped by then is ended: what counts is on disk already. */
const STOP_TIMEOUT_MS = 2_500;

/**
 * Runs one node, called `name` in messages, until SIGINT, SIGTERM, the launcher's word or the launcher's end. Exits with 0 when asked to stop, 1 when it
 * failed, 2 on wrong configuration. Under a launcher, failures are told to it; alone, they are one line on stderr.
 */
export async function runNodeProcess(name: string, load: () => Promise<NodeSettings>): Promise<void> {
  // Listening from the start: whoever asks while the node opens, or ends then, is heard.
  const asked = stopAsked();
  let node: Node | null = null;
  try {
    const settings = await load();
    const log = createLog({ level: settings.config.log.level });
    node = await Node.start(settings, { log });
    const pidFile = join(settings.dataDir, 'node.pid');
    writePidFile(pidFile);
    report(node);
    const reason = await asked;
    log.child('node').info('stopping', { reason });
    await stopWithin(node, STOP_TIMEOUT_MS);
    removePidFile(pidFile);
    process.exit(0);
  } catch (error) {
    const config = error instanceof ConfigError;
    const message = `${name}: ${errorText(error)}`;
    if (node !== null) await stopWithin(node, STOP_TIMEOUT_MS);
    if (process.send === undefined) process.stderr.write(`parley: ${message}\n`);
    else await tell({ type: 'failed', config, message });
    process.exit(config ? 2 : 1);
  }
}

function report(node: Node): void {
  const { rpc, ws, p2p, validator, dataDir } = node.endpoints();
  if (process.send === undefined) {
    process.stdout.write(`Parley node: RPC ${rpc}, peer-to-peer ${p2p}, data in ${join(dataDir)}\n`);
    return;
  }
  void tell({ type: 'listening', rpc, ws, p2p, validator });
  let toldAt = 0;
  const tellHead = (): void => {
    const head = node.api.chain.head();
    const finalized = node.api.chain.byTag('finalized') ?? head;
    toldAt = performance.now();
    void tell({
      type: 'head',
      head: { hash: head.hash, number: head.block.header.number },
      finalized: { hash: finalized.hash, number: finalized.block.header.number },
    });
  };
  node.api.events.on('head', () => {
    if (toldAt === 0 || performance.now() - toldAt >= HEAD_NEWS_INTERVAL_MS) tellHead();
  });
  if (node.api.chain.head().block.header.number > 0) tellHead();
}

/** Resolves even when the other end has gone. */
function tell(message: NodeMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, undefined, undefined, () => resolve());
  });
}

function stopAsked(): Promise<string> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve('SIGINT'));
    process.once('SIGTERM', () => resolve('SIGTERM'));
    process.once('disconnect', () => resolve('launcher ended'));
    process.on('message', (message) => {
      if ((message as LauncherMessage).type === 'stop') resolve('launcher');
    });
  });
}

async function stopWithin(node: Node, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([node.stop(), tooLate]);
  clearTimeout(timer);
}
