import { afterEach, expect, it } from 'vitest';
import { Libp2pNetwork } from '../../../p2p/network.ts';
import { randomPeerKey } from '../../../p2p/peer-key.ts';
import { systemTimers } from '../../../src/node/system-clock.ts';
import { NO_FAULTS } from '../../../src/ports/network.ts';
import { silentLog } from '../../../src/util/log.ts';
import { noMetrics } from '../../../src/util/metrics.ts';
import { Recorder } from '../../conformance/network.ts';

type Party = { readonly network: Libp2pNetwork; readonly host: Recorder };

const parties: Party[] = [];
afterEach(async () => {
  await Promise.all(parties.splice(0).map(({ network }) => network.stop()));
});

async function join(known: readonly Party[], random = Math.random): Promise<Party> {
  const bootstrap = known.flatMap(({ network }) => network.addresses().slice(0, 1));
  const network = new Libp2pNetwork(
    { listen: ['/ip4/127.0.0.1/tcp/0'], privateKey: randomPeerKey(), bootstrap, networkName: 'faults' },
    { log: silentLog, metrics: noMetrics, timers: systemTimers, random },
  );
  const host = new Recorder();
  await network.start(host);
  for (const other of known) {
    await host.until('connected', { peer: other.network.self });
    await other.host.until('connected', { peer: network.self });
  }
  const party = { network, host };
  parties.push(party);
  return party;
}

const heard = ({ host }: Party): string[] => host.events.flatMap(({ what, text }) => (what === 'gossip' ? [text] : []));
const idsOf = ({ network }: Party): string[] => network.peers().map(({ id }) => id);
const ask = (from: Party, to: Party): Promise<Uint8Array> =>
  from.network.request(to.network.self, 'status', Buffer.from('hi'), { timeoutMs: 5_000, responseSizeBytesMax: 100 });

it('cut off from all, a node has no peers, calls nobody and answers nobody; healed, it finds them again', async () => {
  const one = await join([]);
  const other = await join([one]);
  const gone = [one.host.until('disconnected', {}), other.host.until('disconnected', {})];
  other.network.setFaults({ ...NO_FAULTS, cut: 'all' });
  await Promise.all(gone);
  expect([idsOf(one), idsOf(other)]).toEqual([[], []]);
  await expect(ask(one, other)).rejects.toMatchObject({ code: 'NETWORK_CLOSED' });
  await expect(one.network.dial(other.network.addresses()[0] ?? '')).rejects.toMatchObject({
    code: 'NETWORK_UNREACHABLE',
  });
  await expect(other.network.dial(one.network.addresses()[0] ?? '')).rejects.toMatchObject({
    code: 'NETWORK_UNREACHABLE',
  });

  other.network.setFaults(NO_FAULTS);
  await expect
    .poll(() => [idsOf(one), idsOf(other)], { timeout: 10_000 })
    .toEqual([[other.network.self], [one.network.self]]);
  expect(Buffer.from(await ask(one, other)).toString()).toBe('hi');
}, 60_000);

it('cut off from one, a node keeps the others', async () => {
  const one = await join([]);
  const two = await join([one]);
  const three = await join([one, two]);
  const gone = two.host.until('disconnected', { peer: one.network.self });
  one.network.setFaults({ ...NO_FAULTS, cut: [two.network.self] });
  await gone;
  expect(idsOf(one)).toEqual([three.network.self]);
  expect(idsOf(two)).toEqual([three.network.self]);
  expect(one.network.faults.cut).toEqual([two.network.self]);
}, 60_000);

it('hears less, or later, of what peers gossip and ask', async () => {
  let drawn = 0;
  const one = await join([]);
  const two = await join([one], () => drawn);
  two.network.setFaults({ ...NO_FAULTS, lossRatio: 0.5 });
  one.network.publish('consensus', Buffer.from('lost'));
  await expect(ask(one, two)).rejects.toMatchObject({ code: 'NETWORK_CLOSED' });
  drawn = 0.5;
  one.network.publish('consensus', Buffer.from('heard'));
  await expect.poll(() => heard(two)).toEqual(['heard']);

  const delayMs = 400;
  two.network.setFaults({ ...NO_FAULTS, delayMs });
  const saidAt = performance.now();
  one.network.publish('consensus', Buffer.from('late'));
  await expect.poll(() => heard(two)).toEqual(['heard', 'late']);
  expect(performance.now() - saidAt).toBeGreaterThanOrEqual(delayMs - 1);
  const askedAt = performance.now();
  expect(Buffer.from(await ask(one, two)).toString()).toBe('hi');
  expect(performance.now() - askedAt).toBeGreaterThanOrEqual(delayMs - 1);
}, 60_000);
