import { createHash } from 'node:crypto';
import { MemoryHub } from '../../p2p/memory-hub.ts';
import { MemoryNetwork } from '../../p2p/memory.ts';
import { Libp2pNetwork } from '../../p2p/network.ts';
import { systemClock, systemTimers } from '../../src/node/system-clock.ts';
import type { Network } from '../../src/ports/network.ts';
import { silentLog } from '../../src/util/log.ts';
import { noMetrics } from '../../src/util/metrics.ts';
import { Rng } from '../../src/util/rng.ts';
import { networkConformance } from './network.ts';
import type { NetworkHarness } from './network.ts';

networkConformance('MemoryNetwork', (): NetworkHarness => {
  const hub = new MemoryHub({ fullMesh: false }, { rng: new Rng(1), clock: systemClock, timers: systemTimers });
  const networks: Network[] = [];
  return {
    create({ identity, networkName, banMs }) {
      const network = new MemoryNetwork(
        { name: identity, dialTimeoutMs: 500, ...(networkName && { networkName }), peers: { ...(banMs && { banMs }) } },
        { hub },
      );
      networks.push(network);
      return network;
    },
    addressOf: (network) => network.self,
    dispose: async () => {
      await Promise.all(networks.map((network) => network.stop()));
    },
  };
});

networkConformance('Libp2pNetwork', (): NetworkHarness => {
  const networks: Network[] = [];
  /** A restarted node listens where it did. */
  const ports = new Map<string, string>();
  return {
    create({ identity, networkName = 'conformance', banMs }) {
      const privateKey = createHash('sha256').update(identity).digest();
      const network = new Libp2pNetwork(
        {
          listen: [ports.get(identity) ?? '/ip4/127.0.0.1/tcp/0'],
          privateKey,
          bootstrap: [],
          networkName,
          peers: { ...(banMs && { banMs }) },
        },
        { log: silentLog, metrics: noMetrics, timers: systemTimers, random: Math.random },
      );
      networks.push(network);
      const start = network.start.bind(network);
      network.start = async (handlers) => {
        await start(handlers);
        ports.set(identity, network.addresses()[0]?.replace(/\/p2p\/.*/, '') ?? '');
      };
      return network;
    },
    addressOf: (network) => network.addresses()[0] ?? '',
    dispose: async () => {
      await Promise.all(networks.map((network) => network.stop()));
    },
  };
});
