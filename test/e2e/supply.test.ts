import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { STAKING_ADDRESS } from '../../src/execution/rules.ts';
import { signTransaction } from '../../src/codec/transaction.ts';
import { accountsFromMnemonic } from '../../src/crypto/mnemonic.ts';
import { toHex } from '../../src/util/hex.ts';
import { agreedBlock, allReach, lowest } from './support/agreement.ts';
import { cleanUp, MNEMONIC, nodeLogs, startDevnet, type RunningDevnet } from './support/devnet.ts';
import { ENGINES, type EngineUnderTest } from './support/engines.ts';
import { heightOf, rpcBatch, type Rpc, type RpcBlock } from './support/rpc.ts';
import { earnedByStake } from './support/stakes.ts';
import { until } from './support/wait.ts';

/** No transfer lost, none mined twice, no wei made or gone: on every node. */

const CHAIN_ID = 31337;
/** To the default engine. */
const TRANSFERS = 5_000;
const ACCOUNTS = 64;
const COIN = 10n ** 18n;
const BALANCE = 10_000n * COIN;
const BATCH_BLOCKS = 100;
/** Nothing mined for this long: what is missing is lost. */
const PATIENCE_MS = 60_000;

const accounts = accountsFromMnemonic(MNEMONIC, ACCOUNTS);
const nonces = accounts.map(() => 0);

/** Transfers from all accounts in turn, signed beforehand; nonces go on from call to call. */
function signedTransfers(count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const from = i % ACCOUNTS;
    const [sender, receiver] = [accounts[from], accounts[(from + 1 + (i % 7)) % ACCOUNTS]];
    if (sender === undefined || receiver === undefined) throw new Error('no account');
    const nonce = nonces[from] ?? 0;
    nonces[from] = nonce + 1;
    const fields = {
      type: 2,
      chainId: CHAIN_ID,
      nonce,
      gasLimit: 21_000,
      maxFeePerGas: 100n * 10n ** 9n,
      maxPriorityFeePerGas: 10n ** 9n + BigInt(i % 5),
      to: receiver.address,
      value: COIN / 1000n + BigInt(i),
      data: new Uint8Array(0),
      accessList: [],
    } as const;
    return toHex(signTransaction(fields, sender.privateKey));
  });
}

/** Each of `concurrency` senders waits for its answer before it sends the next; the answered hashes in order. */
async function sendAll(raws: readonly string[], concurrency: number, pick: (index: number) => Rpc): Promise<string[]> {
  const hashes: string[] = [];
  let next = 0;
  const sender = async (): Promise<void> => {
    while (next < raws.length) {
      const index = next++;
      hashes[index] = await pick(index)<string>('eth_sendRawTransaction', [raws[index]]);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, sender));
  return hashes;
}

/** Every block of one node from `first` up to a height. */
async function blocksOf(url: string, height: number, first = 0): Promise<RpcBlock[]> {
  const blocks: RpcBlock[] = [];
  for (let from = first; from <= height; from += BATCH_BLOCKS) {
    const numbers = Array.from({ length: Math.min(BATCH_BLOCKS, height + 1 - from) }, (_, i) => from + i);
    const calls = numbers.map((number) => ({
      method: 'eth_getBlockByNumber',
      params: [`0x${number.toString(16)}`, false],
    }));
    blocks.push(...(await rpcBatch<RpcBlock>(url, calls)));
  }
  return blocks;
}

describe.each(ENGINES)('the ledger under load and $consensus', (engine) => {
  const transfers = TRANSFERS * engine.share;
  let devnet: RunningDevnet;
  beforeAll(async () => {
    nonces.fill(0);
    devnet = await startDevnet({ args: [...engine.args, '--block-time', '500', '--accounts', String(ACCOUNTS)] });
  });
  afterAll(cleanUp);

  /** Waits until each hash is in a finalized block of every node; the lowest finalized height of that moment. */
  async function allFinalized(hashes: readonly string[]): Promise<number> {
    const [first] = devnet.ready.nodes;
    const missing = new Set(hashes);
    let [scanned, quietSince] = [-1, Date.now()];
    while (missing.size > 0) {
      const head = await heightOf(devnet.rpcs[0] as Rpc, 'finalized');
      const before = missing.size;
      for (const block of await blocksOf(first?.rpc ?? '', head, scanned + 1)) {
        for (const hash of block.transactions) missing.delete(hash);
      }
      scanned = head;
      if (missing.size !== before) quietSince = Date.now();
      else if (Date.now() - quietSince > PATIENCE_MS) {
        throw new Error(
          `${missing.size} of ${hashes.length} lost, ${[...missing][0]} among them${nodeLogs(devnet.dataDir)}`,
        );
      }
      await new Promise((wake) => setTimeout(wake, 200));
    }
    await allReach(devnet.rpcs, scanned, 'finalized');
    return lowest(devnet.rpcs, 'finalized');
  }

  async function expectMinedOnce(hashes: readonly string[], height: number): Promise<void> {
    for (const { rpc } of devnet.ready.nodes) {
      const times = new Map<string, number>();
      for (const block of await blocksOf(rpc, height)) {
        for (const hash of block.transactions) times.set(hash, (times.get(hash) ?? 0) + 1);
      }
      expect([...times].filter(([, count]) => count !== 1)).toEqual([]);
      expect(hashes.filter((hash) => !times.has(hash))).toEqual([]);
    }
  }

  it(`mines ${transfers} transfers of 64 accounts, sent to all nodes with 32 in flight, exactly once each`, async () => {
    const raws = signedTransfers(transfers);
    const hashes = await sendAll(raws, 32, (index) => devnet.rpcs[index % devnet.rpcs.length] as Rpc);
    expect(new Set(hashes).size).toBe(raws.length);
    await expectMinedOnce(hashes, await allFinalized(hashes));
  });

  it('mines all of 64 senders at once on one node', async () => {
    const raws = signedTransfers(ACCOUNTS * 10);
    const ofSender = accounts.map((_, sender) => raws.filter((__, index) => index % ACCOUNTS === sender));
    const answered = await Promise.all(ofSender.map((own) => sendAll(own, 1, () => devnet.rpcs[1] as Rpc)));
    const hashes = answered.flat();
    expect(new Set(hashes).size).toBe(raws.length);
    await expectMinedOnce(hashes, await allFinalized(hashes));
  });

  it('takes no nonce twice when all transfers of an account arrive at once, in any order', async () => {
    const raws = signedTransfers(ACCOUNTS * 4).reverse();
    const hashes = await sendAll(raws, raws.length, () => devnet.rpcs[2] as Rpc);
    expect(new Set(hashes).size).toBe(raws.length);
    await expectMinedOnce(hashes, await allFinalized(hashes));
  });

  it('has emptied its pools', async () => {
    for (const rpc of devnet.rpcs) {
      await until('an empty pool', async () => {
        const status = await rpc<{ pending: string; queued: string }>('txpool_status');
        return Number(status.pending) + Number(status.queued) === 0;
      });
    }
  });

  it('names the same state root for the same finalized height on every node', async () => {
    const height = await lowest(devnet.rpcs, 'finalized');
    for (const at of [height, height - 1, Math.floor(height / 2), 1]) await agreedBlock(devnet.rpcs, at);
    const roots = await Promise.all(
      devnet.ready.nodes.map(async ({ rpc }) => (await blocksOf(rpc, height)).map((block) => block.stateRoot)),
    );
    for (const other of roots) expect(other).toEqual(roots[0]);
  });

  it('keeps the sum: balances and burned fees equal genesis and rewards on every node', async () => {
    for (const { rpc } of devnet.ready.nodes) {
      const { held, earned, blocks } = await until('the balances of one block', () => balancesOfHead(rpc));
      const burned = sum(blocks.map((block) => BigInt(block.gasUsed) * BigInt(block.baseFeePerGas)));
      expect(burned).toBeGreaterThan(0n);
      expect(held + burned).toBe(BALANCE * BigInt(ACCOUNTS) + staked() + earned);
    }
  });

  /** All there is at a node's head; throws when its state is gone before it was read. */
  async function balancesOfHead(url: string): Promise<{ held: bigint; earned: bigint; blocks: readonly RpcBlock[] }> {
    const [number] = await rpcBatch<string>(url, [{ method: 'eth_blockNumber', params: [] }]);
    const blocks = await blocksOf(url, Number(number));
    const holders = new Set([
      ...accounts.map(({ address }) => address as string),
      ...devnet.ready.nodes.map(({ validator }) => validator),
      ...blocks.map(({ miner }) => miner.toLowerCase()),
      STAKING_ADDRESS,
    ]);
    const at = { blockHash: blocks.at(-1)?.hash ?? '' };
    const calls = [...holders].map((address) => ({ method: 'eth_getBalance', params: [address, at] }));
    const held = sum((await rpcBatch<string>(url, calls)).map(BigInt));
    const validators = devnet.ready.nodes.map(({ validator }) => validator);
    const earned =
      engine.stakeWei !== null
        ? await earnedByStake(url, validators, at.blockHash)
        : rewards(engine, blocks.length - 1);
    return { held, earned, blocks };
  }

  function staked(): bigint {
    return (engine.stakeWei ?? 0n) * BigInt(devnet.ready.nodes.length);
  }
});

function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((total, amount) => total + amount, 0n);
}

function rewards(engine: EngineUnderTest, height: number): bigint {
  return sum(Array.from({ length: height }, (_, i) => engine.blockReward(i + 1)));
}
