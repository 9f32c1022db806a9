import type { BlockRef } from '../types/block.ts';
import type { Address } from '../types/primitives.ts';

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

/** What the launcher tells a node. */
export type LauncherMessage = { readonly type: 'stop' };
