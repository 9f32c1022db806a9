import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  createWalletClient,
  encodeFunctionData,
  fromRlp,
  getContract,
  hexToBytes,
  http,
  keccak256,
  parseEther,
  stringToHex,
  toHex,
  toRlp,
  type Abi,
  type Address,
  type Hex,
  type TransactionReceipt,
} from 'viem';
import { privateKeyToAccount, sign } from 'viem/accounts';
import { foundry } from 'viem/chains';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountsFromMnemonic } from '../../src/crypto/mnemonic.ts';
import { STAKING_ADDRESS } from '../../src/execution/rules.ts';
import { VALIDATORS_PATH } from '../../src/node/dev-keys.ts';
import { agreedInTime, allReach } from './support/agreement.ts';
import { cleanUp, MNEMONIC, ROOT, runCli } from './support/devnet.ts';
import type { ConsensusStatus } from './support/finality-watch.ts';
import { createNetwork, type TestNetwork } from './support/node-process.ts';
import { devAccount, signedTransfer } from './support/raw-transactions.ts';
import { clientOf, infoOf, madeBy, patiently, STAKING, stakes, type StakeClient } from './support/stakes.ts';
import { heightOf, type Rpc } from './support/rpc.ts';
import { until } from './support/wait.ts';

/** Stake on real networks, by the tools people have: who may join and earns what, and that every wei comes back. */

const LOOSE: Abi = STAKING;
const CAST = join(ROOT, 'node_modules/.bin/cast');
const run = promisify(execFile);
const COIN = 10n ** 18n;
const SLOTS_PER_EPOCH = 8;
/** Of the issue: how long a transaction takes to be final, on average. */
const FINALITY_EPOCHS_MAX = 2.5;

const validators = accountsFromMnemonic(MNEMONIC, 5, { path: VALIDATORS_PATH });
const keyOf = (index: number) => validators[index] as (typeof validators)[number];
const addressOf = (index: number): Address => keyOf(index).address;
const secretOf = (key: { readonly privateKey: Uint8Array }): Hex => toHex(key.privateKey);
const keys = validators.slice(0, 4).map(({ address }) => address);

const [ACTIVE, EXITED] = [2, 4];

/** The receipt as it stands when its block is final. */
async function settled(client: StakeClient, hash: Hex): Promise<TransactionReceipt> {
  return patiently(`${hash} is final`, async () => {
    const [receipt, final] = await Promise.all([
      client.getTransactionReceipt({ hash }),
      client.getBlock({ blockTag: 'finalized' }),
    ]);
    return receipt.blockNumber <= final.number && receipt;
  });
}

/** By how much the block of the receipt changed its sender's balance, the fee left aside. */
async function gained(client: StakeClient, receipt: TransactionReceipt): Promise<bigint> {
  const { from: address, blockNumber: at } = receipt;
  const [before, after] = await Promise.all([
    client.getBalance({ address, blockNumber: at - 1n }),
    client.getBalance({ address, blockNumber: at }),
  ]);
  return after - before + receipt.gasUsed * receipt.effectiveGasPrice;
}

/** Made with nothing of Parley's, as another wallet would. */
async function proofOf(owner: Address, index: number): Promise<Hex> {
  const hash = keccak256(toRlp([stringToHex('parley/staking/possession/1'), toHex(foundry.id), owner]));
  return sign({ hash, privateKey: secretOf(keyOf(index)), to: 'hex' });
}

const families = [
  { consensus: 'pos', tool: 'viem', engine: {} },
  { consensus: 'dpos', tool: 'cast', engine: { 'missed-turns-max': 0 } },
] as const;

describe.each(families)('stake under $consensus', ({ consensus, tool, engine }) => {
  let network: TestNetwork;
  let client: StakeClient;
  beforeAll(async () => {
    network = await createNetwork({
      consensus,
      nodes: 5,
      genesis: { validators: keys },
      'block-time': 400,
      engine: { 'slots-per-epoch': SLOTS_PER_EPOCH, 'unbonding-epochs': 2, ...engine },
    });
    for (const node of network.nodes) node.start();
    await Promise.all(network.nodes.map((node) => node.answering()));
    client = clientOf(url());
    await allReach(rpcs(), 2);
  }, 60_000);
  afterAll(async () => {
    await network.stop();
    await cleanUp();
  });

  const url = (): string => network.nodes[0]?.rpcUrl ?? '';
  const rpcs = (): readonly Rpc[] => network.nodes.map(({ rpc }) => rpc);
  const walletOf = (account: number) =>
    createWalletClient({
      chain: foundry,
      transport: http(url()),
      account: privateKeyToAccount(secretOf(devAccount(account))),
    });
  const fifth = addressOf(4);
  const owner = devAccount(1).address;
  const delegator = devAccount(2).address;

  /** `parley stake …`, to its end; the hash of the transaction. */
  async function stake(account: number, ...args: readonly string[]): Promise<Hex> {
    const all = ['stake', ...args, '--account', String(account), '--rpc', url(), '--json'];
    const { code, stdout, stderr } = await runCli(all);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return (JSON.parse(stdout) as { hash: Hex }).hash;
  }

  async function depositByCast(): Promise<Hex> {
    const made = await runCli(['stake', 'proof', owner, '--validator-index', '4', '--rpc', url(), '--json']);
    const { proof } = JSON.parse(made.stdout) as { proof: string };
    const call = ['send', '--json', '--rpc-url', url(), '--private-key', secretOf(devAccount(1)), '--value', '32ether'];
    const signature = 'deposit(address,bytes,uint16)';
    const { stdout } = await run(CAST, [...call, STAKING_ADDRESS, signature, fifth, proof, '500']);
    return (JSON.parse(stdout) as { transactionHash: Hex }).transactionHash;
  }

  async function depositByViem(): Promise<Hex> {
    const { write } = getContract({ address: STAKING_ADDRESS, abi: STAKING, client: walletOf(1) });
    return write.deposit([fifth, await proofOf(owner, 4), 500], { value: parseEther('32') });
  }

  it.skipIf(tool === 'cast' && !existsSync(CAST))(
    `lets a fifth validator in by one transaction of ${tool}, and it makes blocks`,
    async () => {
      const status = await network.nodes[4]?.rpc<{ role: string }>('consensus_status');
      expect(status?.role).toBe('follower');
      const hash = await (tool === 'cast' ? depositByCast() : depositByViem());
      const receipt = await settled(client, hash);
      expect(receipt.status).toBe('success');
      expect(await gained(client, receipt)).toBe(-32n * COIN);
      await patiently('it is active', async () => (await infoOf(client, fifth)).status === ACTIVE);
      await madeBy(rpcs(), fifth, Number(receipt.blockNumber));
    },
    120_000,
  );

  it('makes transactions final within two and a half epochs, on average', async () => {
    const rpc = rpcs()[0] as Rpc;
    const account = devAccount(7);
    const hashes: string[] = [];
    /** The head at which each height was first seen to be final. */
    const finalAt = new Map<number, number>();
    let [head, finalized] = [0, await heightOf(rpc, 'finalized')];
    const blocks = await until(
      'all sixteen are final',
      async () => {
        const status = await rpc<ConsensusStatus>('consensus_status');
        for (; finalized < status.finalized.number; finalized++) finalAt.set(finalized + 1, status.head.number);
        if (status.head.number > head && hashes.length < 16) {
          const raw = signedTransfer(account, { nonce: hashes.length });
          hashes.push(await rpc<string>('eth_sendRawTransaction', [raw]));
        }
        head = status.head.number;
        if (hashes.length < 16) return null;
        const receipts = await Promise.all(
          hashes.map((hash) => rpc<{ blockNumber: string } | null>('eth_getTransactionReceipt', [hash])),
        );
        const numbers = receipts.map((receipt) => Number(receipt?.blockNumber ?? Infinity));
        return numbers.every((number) => number <= finalized) && numbers;
      },
      { timeoutMs: 90_000, everyMs: 40 },
    );
    const slotOf = async (number: number): Promise<number> => {
      // The engine knows its head a moment before the chain does.
      const { extraData } = await until(`block ${number}`, () => client.getBlock({ blockNumber: BigInt(number) }));
      return Number((fromRlp(extraData, 'hex') as readonly Hex[])[2]);
    };
    const waits = await Promise.all(
      blocks.map(async (number) => (await slotOf(finalAt.get(number) ?? 0)) - (await slotOf(number))),
    );
    const epochs = waits.reduce((sum, slots) => sum + slots, 0) / waits.length / SLOTS_PER_EPOCH;
    expect(new Set(blocks).size).toBeGreaterThanOrEqual(12);
    expect(epochs, `slots: ${waits.join(', ')}`).toBeLessThanOrEqual(FINALITY_EPOCHS_MAX);
    expect(epochs).toBeGreaterThan(0);
  }, 120_000);

  it('refuses what is wrong with a reason, and takes the gas alone', async () => {
    const stranger = devAccount(3);
    const proof = await proofOf(stranger.address, 4);
    const strange = `0x${'51'.repeat(20)}`;
    const wrong: readonly (readonly [RegExp, string, readonly unknown[], bigint])[] = [
      [/STAKE_BELOW_MINIMUM: deposit at least 32 coins/, 'deposit', [strange, proof, 0], 32n * COIN - 1n],
      [/POSSESSION_NOT_PROVEN: .*0x5151/, 'deposit', [strange, proof, 0], 32n * COIN],
      [/VALIDATOR_KEY_USED/, 'deposit', [fifth, proof, 0], 32n * COIN],
      [/VALIDATOR_UNKNOWN/, 'delegate', [strange], COIN],
      [/DELEGATION_BELOW_MINIMUM/, 'delegate', [fifth], 1n],
      [/OWNER_ONLY/, 'requestExit', [fifth], 0n],
      [/WITHDRAWAL_NOTHING/, 'withdraw', [fifth], 0n],
    ];
    const before = await infoOf(client, fifth);
    const hashes: Hex[] = [];
    for (const [nonce, [reason, functionName, args, value]] of wrong.entries()) {
      const data = encodeFunctionData({ abi: LOOSE, functionName, args });
      const call = { account: stranger.address, to: STAKING_ADDRESS, data, value };
      await expect(client.call(call)).rejects.toThrow(reason);
      const raw = signedTransfer(stranger, {
        nonce,
        gasLimit: 400_000,
        to: STAKING_ADDRESS,
        data: hexToBytes(data),
        value,
      });
      hashes.push(await client.sendRawTransaction({ serializedTransaction: raw }));
    }
    const receipts = await Promise.all(hashes.map((hash) => settled(client, hash)));
    let fees = 0n;
    for (const { status, gasUsed, effectiveGasPrice } of receipts) {
      expect(status).toBe('reverted');
      fees += gasUsed * effectiveGasPrice;
    }
    expect(await client.getBalance({ address: stranger.address })).toBe(10_000n * COIN - fees);
    expect(await stakes(client).validatorCount()).toBe(5n);
    expect(await infoOf(client, fifth)).toMatchObject({ delegated: before.delegated, status: ACTIVE });
  }, 120_000);

  it('pays a delegator its share, and all of it back', async () => {
    const put = await settled(client, await stake(2, 'delegate', fifth, '--amount', '10'));
    expect(await gained(client, put)).toBe(-10n * COIN);
    const earned = await patiently('it has earned', async () => {
      const worth = await stakes(client).delegation([fifth, delegator]);
      return worth > 10n * COIN && worth;
    });
    const { own, delegated, rewards, penalties } = await infoOf(client, fifth);
    expect(own + delegated).toBe(42n * COIN + rewards - penalties);
    // Five percent are the owner's, and its stake is three times as large.
    expect(own - 32n * COIN).toBeGreaterThan(earned - 10n * COIN);
    const out = await settled(client, await stake(2, 'undelegate', fifth, '--amount', 'all'));
    expect(await gained(client, out)).toBe(0n);
    const back = await withdrawn(2, delegator);
    expect(back).toBeGreaterThanOrEqual(earned);
    expect((await infoOf(client, fifth)).delegated).toBe(0n);
  }, 120_000);

  it('lets the fifth go, and pays out every wei that is owed', async () => {
    await stake(1, 'exit', fifth);
    await patiently('it has exited', async () => (await infoOf(client, fifth)).status === EXITED);
    const { own, rewards, penalties, withdrawableEpoch } = await infoOf(client, fifth);
    const refused = await runCli(['stake', 'withdraw', fifth, '--account', '1', '--rpc', url()]);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toBe(`parley: WITHDRAWAL_TOO_EARLY: wait for epoch ${withdrawableEpoch}\n`);
    const back = await withdrawn(1, owner);
    expect(rewards).toBeGreaterThan(0n);
    expect(back).toBeGreaterThanOrEqual(own);
    const after = await infoOf(client, fifth);
    expect(after.own).toBe(0n);
    // The delegator's part of both has gone with it, and at most a few wei of roundings the other way.
    expect(back - 32n * COIN).toBeLessThanOrEqual(after.rewards - after.penalties);
    expect(rewards - penalties).toBeGreaterThan(0n);
    await agreedInTime(rpcs(), Number(await client.getBlockNumber()));
  }, 120_000);

  /** Waits until all of `owed` can be had, withdraws it and gives what came: as much to the wei, and nothing is left. */
  async function withdrawn(account: number, who: Address): Promise<bigint> {
    const owed = await patiently('all that is owed can be withdrawn', async () => {
      const blockNumber = await client.getBlockNumber();
      const [due, all] = await Promise.all(
        (['withdrawable', 'owed'] as const).map((name) => stakes(client)[name]([fifth, who], { blockNumber })),
      );
      return due !== undefined && due === all && due;
    });
    const receipt = await settled(client, await stake(account, 'withdraw', fifth));
    expect(await stakes(client).owed([fifth, who], { blockNumber: receipt.blockNumber - 1n })).toBe(owed);
    expect(await gained(client, receipt)).toBe(owed);
    expect(await stakes(client).owed([fifth, who])).toBe(0n);
    return owed;
  }
});
