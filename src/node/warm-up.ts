import '../../p2p/libp2p.ts';
import './node-process.ts';
import './settings.ts';

/**
 * Loads all that a node process will load, and does nothing with it. Under the compile cache that makes the first start after an
 * installation as fast as the later ones; see `prepare` in package.json.
 */
export const isWarm = true;
