import type { LauncherMessage } from './ipc.ts';
import { prepareRuntime } from './runtime.ts';

type Start = Extract<LauncherMessage, { type: 'start' }>;

/** Entry of a node process that the devnet launcher forks: the launcher sends what to run, or goes away before it has. */
prepareRuntime();
const end = (): never => process.exit(0);
const started = new Promise<Start>((resolve) => {
  process.once('disconnect', end);
  process.once('message', (message) => {
    const { type } = message as LauncherMessage;
    if (type === 'start') resolve(message as Start);
    else end();
  });
});
const [{ runNodeProcess }, { nodeSettings }] = await Promise.all([
  import('./node-process.ts'),
  import('./settings.ts'),
]);
const { config, index, keys } = await started;
process.off('disconnect', end);
if (!process.connected) end();
await runNodeProcess(`node ${index}`, () => nodeSettings(config, index, keys));
