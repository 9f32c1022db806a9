import { runNodeProcess } from './node-process.ts';

/** Entry of a node process that the devnet launcher forks: the configuration file and the node's index. */
const [configFile = '', index = '0'] = process.argv.slice(2);
await runNodeProcess({ configFile, index: Number(index), flags: {} });
