import type { BlockRef } from '../types/block.ts';
import type { Address } from '../types/primitives.ts';
import type { Config } from './config-schema.ts';
import type { DevKeys } from './dev-keys.ts';

/** What a node process tells the launcher that forked it. */
export type NodeMessage =
  | {
      readonly type: 'listening';
      readonly rpc: string;
      readonly ws: string;
      readonly p2p: string;
      readonly validator: Address | null;
    }
  | { readonly type: 'head'; readonly head: BlockRef; readonly finalized: BlockRef }
  | { readonly type: 'failed'; readonly config: boolean; readonly message: string };

/**
 * What the launcher tells a node. It has checked the configuration and derived the keys once for all, so that starting nodes
 * need not.
 */
export type LauncherMessage =
  | { readonly type: 'start'; readonly config: Config; readonly index: number; readonly keys: DevKeys }
  | { readonly type: 'stop' };
