import type { Timers } from '../src/ports/clock.ts';
import type { GossipTopic } from '../src/ports/network.ts';
import type { Bytes, Millis } from '../src/types/primitives.ts';
import type { Log } from '../src/util/log.ts';
import type { Metrics } from '../src/util/metrics.ts';
import type { OutboundBudgetOptions } from './outbound-budget.ts';
import type { PeersOptions } from './peers.ts';
import type { ServerOptions } from './streams.ts';

export type NetworkOptions = {
  /** Multiaddresses, such as `/ip4/127.0.0.1/tcp/9000`. */
  readonly listen: readonly string[];
  /** Ed25519 seed of 32 bytes, see peer-key.ts. */
  readonly privateKey: Bytes;
  /** Multiaddresses to stay connected to. */
  readonly bootstrap: readonly string[];
  /** Part of every topic and protocol name (letters, digits, `-`): nodes of other names never meet. */
  readonly networkName: string;
  /** Topics beyond those of every node. Peers need not have them. */
  readonly optionalTopics?: readonly GossipTopic[];
  readonly peersMax?: number;
  readonly inboundPerSecondMax?: number;
  readonly heartbeatMs?: Millis;
  readonly peers?: Partial<PeersOptions>;
  readonly budget?: Partial<OutboundBudgetOptions>;
  readonly server?: Partial<ServerOptions>;
};

export type NetworkModules = {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly timers: Timers;
  /** For faults. Uniform in [0, 1). */
  readonly random: () => number;
};
