import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'smol-toml';
import type { Address } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { posFactory } from '../../consensus/pos/factory.ts';
import { encryptKeystore } from '../../src/crypto/keystore.ts';
import { accountsFromMnemonic } from '../../src/crypto/mnemonic.ts';
import { VALIDATORS_PATH } from '../../src/node/dev-keys.ts';
import { engineRules } from '../../src/node/engine-rules.ts';
import type { Offence } from '../../src/types/evidence.ts';
import { ZERO_HASH } from '../../src/types/primitives.ts';
import { KeyValueBlockStore } from '../../storage/block-store.ts';
import { LevelStore } from '../../storage/level.ts';
import { allReach } from './support/agreement.ts';
import { cleanUp, MNEMONIC, runCli } from './support/devnet.ts';
import { createNetwork, TestNode, type TestNetwork } from './support/node-process.ts';
import { devAccount, signedTransfer } from './support/raw-transactions.ts';
import { heightOf, type Rpc } from './support/rpc.ts';
import { clientOf, infoOf, madeBy, patiently, stakes } from './support/stakes.ts';
import { CHAIN_ID } from './support/test-peer.ts';
import { TransferLoad } from './support/transfer-load.ts';
import { until } from './support/wait.ts';

/** What becomes of a validator that says two things, on a real network and counted from its blocks. */

const COIN = 10n ** 18n;
const STAKE = 32n * COIN;
const ACTIVE = 2;
const validators = accountsFromMnemonic(MNEMONIC, 4, { path: VALIDATORS_PATH });
const keys = validators.map(({ address }) => address);
/** The others have to go on without it. */
const OFFENDER = 3;
const offender = keys[OFFENDER] as Address;
const ENGINE = { 'slots-per-epoch': 4, 'attestation-ppm': 0, 'absence-ppm': 0, 'jail-epochs': 2 };

describe('a validator that runs twice', () => {
  let network: TestNetwork;
  let twin: TestNode;
  beforeAll(async () => {
    const fixed = { consensus: 'pos', nodes: 5, genesis: { validators: keys }, 'block-time': 400 };
    network = await createNetwork({ ...fixed, engine: ENGINE });
    twin = await twinOf(network);
    for (const node of four()) node.start();
    await Promise.all(four().map((node) => node.answering()));
    await allReach(rpcs(), 3);
  }, 60_000);
  afterAll(async () => {
    await twin.kill();
    await network.stop();
    await cleanUp();
  });

  const four = () => network.nodes.slice(0, 4);
  const rpcs = () => four().map(({ rpc }) => rpc);
  const urls = () => four().map(({ rpcUrl }) => rpcUrl);
  const [firstUrl, first] = [() => urls()[0] ?? '', () => rpcs()[0] as Rpc];
  const client = () => clientOf(firstUrl());
  let [punishedAt, penalties] = [0, 0n];

  it('is found out and jailed; on every node it has lost the same, and the others nothing', async () => {
    twin.start();
    await twin.answering();
    // Two processes that know the same do the same; with transactions under way they hardly ever know the same.
    const load = new TransferLoad([...four().slice(OFFENDER), twin], { senders: 4, everyMs: 50 });
    load.start();
    for (const url of urls())
      await patiently('it is in jail', async () => (await infoOf(clientOf(url), offender)).jailed);
    await load.stop();
    await twin.kill();
    // Its other offences until then may still be on their way into blocks.
    punishedAt = (await heightOf(first())) + 8;
    await allReach(rpcs(), punishedAt, 'finalized');
    const at = { blockNumber: BigInt(punishedAt) };
    penalties = (await infoOf(client(), offender, at)).penalties;
    expect(penalties).toBeGreaterThanOrEqual(COIN / 2n);
    for (const url of urls()) {
      const fallen = { status: ACTIVE, jailed: true, own: STAKE - penalties, penalties, rewards: 0n };
      expect(await infoOf(clientOf(url), offender, at)).toMatchObject(fallen);
      for (const validator of keys.slice(0, OFFENDER)) {
        const unharmed = { status: ACTIVE, jailed: false, own: STAKE, penalties: 0n, rewards: 0n };
        expect(await infoOf(clientOf(url), validator, at)).toMatchObject(unharmed);
      }
    }
  }, 150_000);

  it('has lost one coin for each double vote or block that is proven in blocks, half a coin for a surrounding vote', async () => {
    const node = four()[0] as TestNode;
    await node.kill('SIGTERM');
    const offences = await offencesIn(join(network.dataDir, 'node-0', 'chain'), punishedAt);
    node.start();
    await node.answering();
    expect(new Set(offences.map(({ code, height }) => `${code} ${height}`)).size).toBe(offences.length);
    for (const offence of offences) expect(offence.offender).toBe(offender);
    const block = `0x${punishedAt.toString(16)}`;
    for (const rpc of rpcs()) {
      const told = await rpc<(Offence & { readonly block: { readonly hash: string } })[]>('consensus_evidence', [
        '0x0',
        block,
      ]);
      expect(told.map(({ code, height }) => ({ code, height }))).toEqual(
        offences.map(({ code, height }) => ({ code, height })),
      );
      expect(told.every(({ block: at }) => /^0x[0-9a-f]{64}$/.test(at.hash))).toBe(true);
    }
    const due = offences.map(({ code }) => (code === 'SURROUND_VOTE' ? COIN / 2n : COIN));
    expect(penalties).toBe(due.reduce((sum, wei) => sum + wei, 0n));
  }, 60_000);

  it('comes back when its owner asks after the time in jail', async () => {
    // The owner of a genesis validator is its key, which has no coins for gas.
    const raw = signedTransfer(devAccount(5), { to: offender, value: COIN });
    const hash = await first()('eth_sendRawTransaction', [raw]);
    await until('it has coins', () => first()('eth_getTransactionReceipt', [hash]));
    const topUp = ['stake', 'top-up', offender, '--amount', '32', '--account', '5', '--rpc', firstUrl()];
    expect(await runCli(topUp)).toMatchObject({ code: 0, stderr: '' });
    await askBackIn();
    // Each node reports an offence once in a while, so one that was restarted may find another that nobody has reported.
    await madeBy(rpcs(), offender, await heightOf(first()), async () => {
      if ((await infoOf(client(), offender)).jailed) await askBackIn();
    });
    const back = await infoOf(client(), offender);
    expect(back).toMatchObject({ status: ACTIVE, own: 2n * STAKE - back.penalties });
    expect(back.penalties).toBeGreaterThanOrEqual(penalties);
  }, 180_000);

  async function askBackIn(): Promise<void> {
    const { jailedUntilEpoch } = await infoOf(client(), offender);
    await patiently('its time is over', async () => (await stakes(client()).epoch()) >= jailedUntilEpoch);
    const unjail = ['stake', 'unjail', offender, '--as-validator', String(OFFENDER), '--rpc', firstUrl()];
    expect(await runCli(unjail)).toMatchObject({ code: 0, stderr: '' });
  }
});

/** A second process with the offender's key and a guard that knows nothing: the mistake that slashing is for. */
async function twinOf({ configFile, dataDir }: TestNetwork): Promise<TestNode> {
  const [keystore, passwordFile] = [join(dataDir, 'twin.json'), join(dataDir, 'twin.password')];
  const privateKey = validators[OFFENDER]?.privateKey ?? new Uint8Array(0);
  writeFileSync(keystore, JSON.stringify(await encryptKeystore(privateKey, 'twice')));
  writeFileSync(passwordFile, 'twice\n');
  const config = parse(readFileSync(configFile, 'utf8'));
  const file = join(dataDir, 'twin.toml');
  writeFileSync(file, stringify({ ...config, node: { keystore, 'password-file': passwordFile } }));
  return new TestNode({ index: 4, configFile: file, dataDir, rpcPort: Number(config['rpc-port']) });
}

/** What the evidence proves that final blocks up to `height` carry, as a node that stands still has them on disk. */
async function offencesIn(directory: string, height: number): Promise<readonly Offence[]> {
  const params = posFactory.parseParams({ slotsPerEpoch: ENGINE['slots-per-epoch'], blockTimeMs: 400 });
  const level = await LevelStore.open(directory, { createIfMissing: false });
  try {
    const store = new KeyValueBlockStore(level);
    const network = { chainId: CHAIN_ID, shard: 0, genesisHash: store.canonicalHash(0) ?? ZERO_HASH };
    const rules = engineRules(posFactory, params, { ...network, engineId: posFactory.id });
    const offences: Offence[] = [];
    for (let number = 1; number <= height; number++) {
      const hash = store.canonicalHash(number);
      for (const evidence of hash === undefined ? [] : (store.block(hash)?.body.evidence ?? [])) {
        const offence = rules.judge(evidence);
        if (offence === null) throw new Error(`block ${number} carries evidence that proves nothing`);
        offences.push(offence);
      }
    }
    return offences;
  } finally {
    await level.close();
  }
}
