import type { NodeApi } from '../../src/node/api.ts';
import type { Feed } from '../feed.ts';
import type { FeeOracle } from '../fee-oracle.ts';
import type { Filters } from '../filters.ts';
import type { RpcLimits } from '../limits.ts';
import type { LongCalls } from '../long-calls.ts';
import type { RenderedBlocks } from '../rendered-blocks.ts';
import type { Subscriptions } from '../subscriptions.ts';

/** What the methods of every namespace share. */
export type MethodContext = {
  readonly node: NodeApi;
  readonly limits: RpcLimits;
  readonly fees: FeeOracle;
  readonly rendered: RenderedBlocks;
  readonly feed: Feed;
  readonly subscriptions: Subscriptions;
  readonly filters: Filters;
  readonly longCalls: LongCalls;
};
