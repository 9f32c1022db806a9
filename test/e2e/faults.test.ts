import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agreedBlock, agreedInTime, allReach, lowest } from './support/agreement.ts';
import { cleanUp, startDevnet, type RunningDevnet } from './support/devnet.ts';
import { ENGINES } from './support/engines.ts';
import { heightOf, type Rpc } from './support/rpc.ts';
import { until } from './support/wait.ts';

/** A devnet whose network people break by its RPC, and watch recover. */

const FRIEND = '0x00000000000000000000000000000000000f1e1d';

describe.each(ENGINES)('faults of a network under $consensus', (engine) => {
  let devnet: RunningDevnet;
  beforeAll(async () => {
    devnet = await startDevnet({ args: [...engine.args, '--block-time', engine.forks ? '600' : '300'] });
  });
  afterAll(cleanUp);

  const living = (): readonly Rpc[] => devnet.rpcs.slice(0, 3);
  const last = (): Rpc => devnet.rpcs[3] as Rpc;

  it('cut one node off: the others go on without it, and it catches up when it is back', async () => {
    await allReach(devnet.rpcs, 2, 'finalized');
    const calm = { cut: [], delayMs: 0, lossRatio: 0 };
    expect(await last()('devnet_faults')).toEqual(calm);
    await last()('devnet_setFaults', [{ cut: 'all' }]);
    await until('it is alone', async () => (await last()<string>('net_peerCount')) === '0x0');
    const [from] = await last()<string[]>('eth_accounts');
    const hash = await last()<string>('eth_sendTransaction', [{ from, to: FRIEND, value: '0x7' }]);
    const finalized = Math.max(await heightOf(last(), 'finalized'), await lowest(living(), 'finalized'));
    await allReach(living(), finalized + 4, 'finalized');
    for (const rpc of living()) expect(await rpc('eth_getTransactionReceipt', [hash])).toBeNull();

    expect(await last()('devnet_setFaults', [{}])).toEqual(calm);
    await allReach(devnet.rpcs, finalized + 8, 'finalized');
    await agreedBlock(devnet.rpcs, finalized + 4);
    // What it was told while it was alone is not lost.
    for (const rpc of devnet.rpcs) {
      await until('the receipt', () => rpc<object | null>('eth_getTransactionReceipt', [hash]), { timeoutMs: 60_000 });
    }
  });

  it('slow the network and lose a tenth of all messages: blocks become final all the same', async () => {
    const faults = { cut: [], delayMs: 100, lossRatio: 0.1 };
    for (const rpc of devnet.rpcs) await rpc('devnet_setFaults', [faults]);
    for (const rpc of devnet.rpcs) expect(await rpc('devnet_faults')).toEqual(faults);
    const finalized = await lowest(devnet.rpcs, 'finalized');
    await allReach(devnet.rpcs, finalized + 4, 'finalized');
    for (const rpc of devnet.rpcs) await rpc('devnet_setFaults', [{}]);
    await agreedInTime(devnet.rpcs, await lowest(devnet.rpcs));
  });
});
