import { prepareRuntime } from './runtime.ts';

/** Entry of a node process that the devnet launcher forks: the configuration file and the node's index. */
prepareRuntime();
const { runNodeProcess } = await import('./node-process.ts');
const [configFile = '', index = '0'] = process.argv.slice(2);
await runNodeProcess({ configFile, index: Number(index), flags: {} });
