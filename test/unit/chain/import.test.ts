import { describe, expect, it } from 'vitest';
import { later, reject } from '../../../consensus/api/verdict.ts';
import { consensusRoot, headerHash } from '../../../src/codec/block.ts';
import { orderedTrieRoot } from '../../../src/state/ordered-root.ts';
import type { Block, Header } from '../../../src/types/block.ts';
import {
  BLOCK_SIZE_BYTES_MAX,
  EXTRA_SIZE_BYTES_MAX,
  SEAL_SIZE_BYTES_MAX,
  VOTES_PER_BLOCK_MAX,
} from '../../../src/types/block.ts';
import type { Evidence } from '../../../src/types/evidence.ts';
import type { SignedMessage } from '../../../src/types/message.ts';
import { TRANSACTION_SIZE_BYTES_MAX } from '../../../src/types/transaction.ts';
import { ParleyError } from '../../../src/util/errors.ts';
import { decide, from, grow, importOk, makeBlock, openRig, PAYEE, SEALER, transfer, type Rig } from './chain-rig.ts';

const OTHER_ROOT = `0x${'12'.repeat(32)}` as const;
const vote = (text: string): SignedMessage => ({
  from: SEALER,
  payload: Buffer.from(text),
  signature: new Uint8Array(65),
});
const evidence = (sizeBytes: number): Evidence => ({
  kind: 'messages',
  offender: SEALER,
  first: new Uint8Array(sizeBytes),
  second: new Uint8Array(0),
});

const withHeader = (block: Block, change: Partial<Header>): Block => ({
  ...block,
  header: { ...block.header, ...change },
});

/** A body, and a header that names it. */
function withBody(block: Block, change: Partial<Block['body']>): Block {
  const body = { ...block.body, ...change };
  const header = {
    ...block.header,
    consensusRoot: consensusRoot(body),
    transactionsRoot: orderedTrieRoot(body.transactions.filter((raw) => raw.length > 0)),
  };
  return { header, body };
}

async function rigWithBlock(): Promise<{ rig: Rig; block: Block }> {
  const rig = await openRig({ verifyMessage: ({ payload }) => payload[0] !== 0x21 });
  const { block } = await makeBlock(rig, rig.chain.genesis.hash, {
    transactions: [transfer(rig, 0)],
    votes: [vote('v')],
  });
  return { rig, block };
}

describe('a good block', () => {
  it('is executed, stored and in the tree', async () => {
    const { rig, block } = await rigWithBlock();
    const node = await importOk(rig, block);
    expect(node.author).toBe(SEALER);
    expect(node.parent?.hash).toBe(rig.chain.genesis.hash);
    expect(node.executed.receipts.map(({ status }) => status)).toEqual([1]);
    expect(node.executed.state.account(PAYEE)?.balance).toBe(1n);
    expect(rig.chain.head.number).toBe(0);
    expect((await rig.chain.storedAboveFinality()).map(({ header }) => headerHash(header))).toEqual([node.hash]);
  });

  it('is known the second time, in memory and when final', async () => {
    const { rig, block } = await rigWithBlock();
    const { hash } = await importOk(rig, block);
    expect(await rig.chain.import(block, from('sync'))).toEqual({ kind: 'known', hash });
    await decide(rig, hash, hash);
    await grow(rig, hash, 1).then(([node]) => decide(rig, node?.hash ?? hash, node?.hash ?? hash));
    expect(await rig.chain.import(block, from('sync'))).toEqual({ kind: 'known', hash });
    expect(rig.executions()).toBe(2);
  });

  it('of our own is not executed again, and passes the same checks', async () => {
    const { rig } = await rigWithBlock();
    const { block, built } = await makeBlock(rig, rig.chain.genesis.hash, { transactions: [transfer(rig, 0)] });
    const prepared = { executed: built.executed };
    const wrong = withHeader(block, { stateRoot: OTHER_ROOT });
    expect(await rig.chain.import(wrong, from('own', { prepared }))).toMatchObject({
      kind: 'invalid',
      code: 'BLOCK_STATE_ROOT',
    });
    const node = await importOk(rig, block, from('own', { prepared }));
    expect(rig.executions()).toBe(0);
    expect(node.executed.state).toBe(built.executed.state);
    expect(node.transactions).toHaveLength(1);
  });

  it('that a busy writer keeps waiting goes in with the others, one at a time', async () => {
    const rig = await openRig();
    const made = await Promise.all(['a', 'b', 'c'].map((extra) => makeBlock(rig, rig.chain.genesis.hash, { extra })));
    const outcomes = await Promise.all([...made, ...made].map(({ block }) => rig.chain.import(block, from('gossip'))));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['imported', 'imported', 'imported', 'known', 'known', 'known']);
  });
});

describe('what the cheap check refuses', () => {
  const cases: readonly (readonly [string, (block: Block) => Block])[] = [
    ['BLOCK_NUMBER', (block) => withHeader(block, { number: 0 })],
    ['BLOCK_NUMBER', (block) => withHeader(block, { number: 2 })],
    ['BLOCK_GAS_LIMIT', (block) => withHeader(block, { gasLimit: block.header.gasLimit + 1 })],
    ['BLOCK_GAS_ABOVE_LIMIT', (block) => withHeader(block, { gasUsed: block.header.gasLimit + 1 })],
    ['BLOCK_EXTRA_SIZE', (block) => withHeader(block, { extra: new Uint8Array(EXTRA_SIZE_BYTES_MAX + 1) })],
    ['BLOCK_SEAL_SIZE', (block) => withHeader(block, { seal: new Uint8Array(SEAL_SIZE_BYTES_MAX + 1) })],
    ['BLOCK_TIME', (block) => withHeader(block, { timeMs: 999 })],
    ['BLOCK_BASE_FEE', (block) => withHeader(block, { baseFeePerGas: block.header.baseFeePerGas + 1n })],
    ['BLOCK_SEAL', (block) => withHeader(block, { seal: new Uint8Array(3) })],
    ['BLOCK_CONSENSUS_ROOT', (block) => withHeader(block, { consensusRoot: OTHER_ROOT })],
    ['BLOCK_TRANSACTIONS_ROOT', (block) => withHeader(block, { transactionsRoot: OTHER_ROOT })],
    ['BLOCK_TRANSACTIONS_ROOT', (block) => ({ ...block, body: { ...block.body, transactions: [] } })],
    ['BLOCK_CONSENSUS_ROOT', (block) => ({ ...block, body: { ...block.body, votes: [vote('other')] } })],
    ['BLOCK_VOTE_SIGNATURE', (block) => withBody(block, { votes: [vote('v'), vote('!')] })],
    [
      'BLOCK_VOTES_COUNT',
      (block) => withBody(block, { votes: Array.from({ length: VOTES_PER_BLOCK_MAX + 1 }, () => vote('v')) }),
    ],
    ['BLOCK_VOTE_SIZE', (block) => withBody(block, { votes: [{ ...vote(''), payload: new Uint8Array(70_000) }] })],
    ['BLOCK_EVIDENCE_COUNT', (block) => withBody(block, { evidence: Array.from({ length: 17 }, () => evidence(1)) })],
    ['BLOCK_EVIDENCE_SIZE', (block) => withBody(block, { evidence: [evidence(16_385)] })],
    ['BLOCK_TX_SIZE', (block) => withBody(block, { transactions: [new Uint8Array(TRANSACTION_SIZE_BYTES_MAX + 1)] })],
    ['BLOCK_TX_SIZE', (block) => withBody(block, { transactions: [new Uint8Array(0)] })],
    [
      'BLOCK_SIZE',
      (block) =>
        withBody(block, { transactions: Array.from({ length: 17 }, () => new Uint8Array(BLOCK_SIZE_BYTES_MAX / 16)) }),
    ],
  ];

  it.each(cases)(
    '%s (%#): blames the sender, executes nothing, and does not hold it against the hash',
    async (code, spoil) => {
      const { rig, block } = await rigWithBlock();
      const bad = spoil(block);
      expect(rig.chain.preCheck(bad, from('gossip'))).toEqual({ verdict: 'reject', code, retain: false });
      const outcome = await rig.chain.import(bad, from('gossip'));
      expect(outcome).toEqual({
        kind: 'invalid',
        hash: headerHash(bad.header),
        code,
        blame: true,
        acceptedAuthor: null,
      });
      expect(rig.executions()).toBe(0);
      expect(await rig.chain.storedAboveFinality()).toEqual([]);
      await importOk(rig, block);
    },
  );

  it('is what the engine rejects, with its code', async () => {
    const { rig, block } = await rigWithBlock();
    rig.judge.verdict = () => reject('POA_OUT_OF_TURN');
    expect(rig.chain.preCheck(block, from('gossip'))).toMatchObject({ verdict: 'reject', code: 'POA_OUT_OF_TURN' });
    expect(await rig.chain.import(block, from('gossip'))).toMatchObject({
      kind: 'invalid',
      code: 'POA_OUT_OF_TURN',
      blame: true,
      acceptedAuthor: null,
    });
  });

  it('gives the engine verified votes and how the block came', async () => {
    const { rig, block } = await rigWithBlock();
    const seen: unknown[] = [];
    rig.judge.verdict = (_header, how) => {
      seen.push(how);
      return { kind: 'accept' };
    };
    const justification = Buffer.from('proof');
    await rig.chain.import(block, from('sync', { justification, now: 77 }));
    expect(seen).toEqual([{ origin: 'sync', justification, peer: 'peer', now: 77, votes: block.body.votes }]);
  });
});

describe('what only execution shows', () => {
  const cases: readonly (readonly [string, (block: Block) => Block])[] = [
    ['BLOCK_GAS_USED', (block) => withHeader(block, { gasUsed: 21_001 })],
    ['BLOCK_STATE_ROOT', (block) => withHeader(block, { stateRoot: OTHER_ROOT })],
    ['BLOCK_RECEIPTS_ROOT', (block) => withHeader(block, { receiptsRoot: OTHER_ROOT })],
    ['BLOCK_LOGS_BLOOM', (block) => withHeader(block, { logsBloom: `0x${'01'.repeat(256)}` })],
    ['BLOCK_TX_MALFORMED', (block) => withBody(block, { transactions: [Buffer.from([2, 3, 4])] })],
    ['BLOCK_EVIDENCE_INVALID', (block) => withBody(block, { evidence: [evidence(1)] })],
    [
      'BLOCK_TX_NONCE_LOW',
      (block) => withBody(block, { transactions: [...block.body.transactions, ...block.body.transactions] }),
    ],
    ['BLOCK_BENEFICIARY_RESERVED', (block) => withHeader(block, { beneficiary: `0x${'00'.repeat(18)}1001` })],
  ];

  it.each(cases)(
    '%s: condemns the hash, is not executed twice, and blames only who had executed it',
    async (code, spoil) => {
      const { rig, block } = await rigWithBlock();
      const bad = spoil(block);
      const hash = headerHash(bad.header);
      expect(rig.chain.preCheck(bad, from('gossip'))).toEqual({ verdict: 'accept', code: null, retain: true });
      expect(await rig.chain.import(bad, from('gossip'))).toEqual({
        kind: 'invalid',
        hash,
        code,
        blame: false,
        acceptedAuthor: expect.any(String),
      });
      const executions = rig.executions();
      expect(rig.chain.preCheck(bad, from('gossip'))).toEqual({ verdict: 'ignore', code, retain: false });
      expect(await rig.chain.import(bad, from('sync'))).toEqual({
        kind: 'invalid',
        hash,
        code,
        blame: true,
        acceptedAuthor: null,
      });
      expect(rig.executions()).toBe(executions);
      const child = withHeader(block, { parentHash: hash, number: 2 });
      expect(await rig.chain.import(child, from('sync'))).toMatchObject({
        kind: 'invalid',
        code: 'BLOCK_PARENT_INVALID',
        blame: true,
      });
      await importOk(rig, block);
    },
  );

  it('is not confused with trouble of our own', async () => {
    const { rig, block } = await rigWithBlock();
    const transactions = rig.transactions;
    const trouble = new ParleyError('STORE_CLOSED', 'no disk');
    const resolve = transactions.resolve.bind(transactions);
    transactions.resolve = () => {
      throw trouble;
    };
    await expect(rig.chain.import(block, from('gossip'))).rejects.toBe(trouble);
    transactions.resolve = resolve;
    await importOk(rig, block);
  });
});

describe('what may become valid', () => {
  it('is kept for later when the engine says so', async () => {
    const { rig, block } = await rigWithBlock();
    rig.judge.verdict = () => later('POA_EARLY', 5000);
    const hash = headerHash(block.header);
    expect(rig.chain.preCheck(block, from('gossip'))).toEqual({ verdict: 'ignore', code: 'POA_EARLY', retain: true });
    expect(await rig.chain.import(block, from('gossip'))).toEqual({
      kind: 'later',
      hash,
      code: 'POA_EARLY',
      retryAt: 5000,
    });
    rig.judge.verdict = () => ({ kind: 'accept' });
    await importOk(rig, block);
  });

  it('is turned away while too much waits, but never an own block or a replayed one', async () => {
    const rig = await openRig({ limits: { importsWaitingMax: 1 } });
    const made = await Promise.all(
      ['a', 'b', 'c', 'd', 'e'].map((extra) => makeBlock(rig, rig.chain.genesis.hash, { extra })),
    );
    const origins = ['gossip', 'gossip', 'sync', 'own', 'replay'] as const;
    const outcomes = await Promise.all(made.map(({ block }, i) => rig.chain.import(block, from(origins[i] ?? 'own'))));
    expect(outcomes.map((outcome) => ('code' in outcome ? outcome.code : outcome.kind))).toEqual([
      'imported',
      'imported',
      'IMPORT_BUSY',
      'imported',
      'imported',
    ]);
  });

  it('waits for finality when the tree is full, except for children of the head', async () => {
    const rig = await openRig({ limits: { treeNodesMax: 3 } });
    const [one, two] = await grow(rig, rig.chain.genesis.hash, 2);
    await decide(rig, two?.hash ?? '0x', rig.chain.genesis.hash);
    const side = await makeBlock(rig, one?.hash ?? '0x', { extra: 'side' });
    expect(await rig.chain.import(side.block, from('gossip'))).toMatchObject({ kind: 'later', code: 'TREE_FULL' });
    await grow(rig, two?.hash ?? '0x', 1);
    await decide(rig, two?.hash ?? '0x', one?.hash ?? '0x');
    await decide(rig, two?.hash ?? '0x', two?.hash ?? '0x');
    await grow(rig, two?.hash ?? '0x', 1, () => ({ extra: 'another' }));
  });

  it('is stale at or below finality on another branch', async () => {
    const rig = await openRig();
    const [one] = await grow(rig, rig.chain.genesis.hash, 1);
    const rival = await makeBlock(rig, rig.chain.genesis.hash, { extra: 'rival' });
    await decide(rig, one?.hash ?? '0x', one?.hash ?? '0x');
    expect(await rig.chain.import(rival.block, from('gossip'))).toEqual({ kind: 'stale', hash: rival.hash });
    expect(rig.chain.preCheck(rival.block, from('gossip'))).toMatchObject({ verdict: 'ignore', retain: false });
  });

  it('is stale, and no orphan, when its parent is as high as the finalized block and another', async () => {
    const rig = await openRig();
    const [one] = await grow(rig, rig.chain.genesis.hash, 1);
    const rival = await makeBlock(rig, rig.chain.genesis.hash, { extra: 'rival' });
    await rig.chain.import(rival.block, from('gossip'));
    const child = await makeBlock(rig, rival.hash);
    await decide(rig, one?.hash ?? '0x', one?.hash ?? '0x');
    expect(await rig.chain.import(child.block, from('gossip'))).toEqual({ kind: 'stale', hash: child.hash });
    expect(rig.chain.takeOrphans(rival.hash)).toEqual([]);
  });
});

describe('a closed chain', () => {
  it('ends what runs and turns the rest away', async () => {
    const rig = await openRig();
    const made = await Promise.all(['a', 'b'].map((extra) => makeBlock(rig, rig.chain.genesis.hash, { extra })));
    const outcomes = made.map(({ block }) => rig.chain.import(block, from('gossip')));
    await rig.chain.close();
    expect((await Promise.all(outcomes)).map(({ kind }) => kind)).toEqual(['imported', 'later']);
    await expect(decide(rig, made[0]?.hash ?? '0x', rig.chain.genesis.hash)).rejects.toMatchObject({
      code: 'CHAIN_CLOSED',
    });
  });
});
