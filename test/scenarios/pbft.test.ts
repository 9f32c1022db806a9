import { describe, expect, it } from 'vitest';
import { Story } from './story.ts';

/** Four validators, a block a second, two seconds for the first view. */
const FOUR = { engine: 'pbft', params: { blockTimeMs: 1000, viewTimeoutMs: 2000 }, validators: 4 };

function golden(name: string): string {
  return `golden/${name}.txt`;
}

/** Who leads the next height, as the first node that is up sees it. */
function primaryOf(story: Story): string {
  const { proposer } = story.node('n0').machine?.ledger.engine.describe() ?? {};
  const primary = story.cluster.nodes.find((node) => node.options.address === proposer?.now);
  if (primary === undefined) throw new Error('nobody leads');
  return primary.name;
}

describe('PBFT', () => {
  it('happy path: one primary, every block final at once', async () => {
    const story = await Story.begin('Four validators, nothing goes wrong.', FOUR);
    await story.wait(1_500);
    story.send('n0');
    story.send('n3', story.cluster.clients[1]);
    await story.wait(6_000);
    story.showChain('n2');
    story.showHeads();
    story.showStatus();
    story.showTransfers('n1');
    await expect(story.end()).toMatchFileSnapshot(golden('pbft-happy-path'));
  });

  it.each([
    ['before it proposes', 'now', 0],
    ['when its block is out, and the word for it is not', 'spoken', 1],
    ['having proposed', 'spoken', 2],
    ['having committed', 'spoken', 3],
  ] as const)('the primary dies %s: another takes over', async (when, moment, count) => {
    const story = await Story.begin(`The primary of four dies ${when}, and comes back.`, FOUR);
    await story.wait(4_500);
    story.showHeads();
    const primary = primaryOf(story);
    const other = primary === 'n3' ? 'n2' : 'n3';
    story.send(other);
    if (moment === 'now') story.crash(primary);
    else story.crashAt(primary, moment, count);
    await story.wait(2_000);
    story.showHeads();
    story.showQuorum(other);
    await story.wait(2_000);
    story.showHeads();
    story.showStatus(other);
    story.start(primary);
    await story.wait(4_000);
    story.showHeads();
    story.showChain(primary, 4);
    story.showTransfers(primary);
    await expect(story.end()).toMatchFileSnapshot(golden(`pbft-primary-dies-${moment}-${count}`));
  });

  it('a view change with a prepared block: the block survives it', async () => {
    const story = await Story.begin(
      'All prepare a block, two die before they commit to it; the view is given up.',
      FOUR,
    );
    await story.wait(4_500);
    const primary = primaryOf(story);
    const [first, second, third] = ['n0', 'n1', 'n2', 'n3'].filter((name) => name !== primary) as [
      string,
      string,
      string,
    ];
    story.showHeads();
    story.send(first);
    // What they say next is PREPARE; they write down what they have prepared and do not come to say COMMIT.
    for (const name of [second, third]) story.crashAt(name, 'issued', 4);
    await story.wait(2_500);
    story.showHeads();
    story.showDetail(first, 'prepared');
    await story.wait(3_000);
    story.showStatus(first, primary);
    for (const name of [second, third]) story.start(name);
    await story.wait(4_000);
    story.showHeads();
    story.showChain(first, 4);
    story.showTransfers(second);
    await expect(story.end()).toMatchFileSnapshot(golden('pbft-prepared-block'));
  });

  it('one dead: all goes on; two dead: nothing does, and who is missing; one back: all goes on', async () => {
    const story = await Story.begin('One of four validators dies, another one too, and one comes back.', FOUR);
    await story.wait(4_500);
    const primary = primaryOf(story);
    const [first, second, third] = ['n0', 'n1', 'n2', 'n3'].filter((name) => name !== primary) as [
      string,
      string,
      string,
    ];
    story.showHeads();
    story.crash(second);
    await story.wait(4_000);
    story.showHeads();
    story.showQuorum(first);
    story.crash(third);
    await story.wait(20_000);
    story.showHeads();
    story.showQuorum(first);
    story.start(second);
    await story.wait(8_000);
    story.showHeads();
    story.showQuorum(first);
    await expect(story.end()).toMatchFileSnapshot(golden('pbft-two-of-four-die'));
  });

  it('a primary that leaves transactions out: the others take another one', async () => {
    const story = await Story.begin('The primary of four makes empty blocks while a transfer waits.', FOUR);
    await story.wait(4_500);
    story.showHeads();
    const primary = primaryOf(story);
    const other = primary === 'n3' ? 'n2' : 'n3';
    const pool = story.node(primary).machine?.ledger.pool;
    if (pool === undefined) throw new Error('the primary is up');
    pool.source = () => ({ next: () => null, skipSender: () => {} });
    story.say(`${primary} puts nothing in from now on`);
    story.send(other);
    await story.wait(3_000);
    story.showTransfers(other);
    await story.wait(4_000);
    story.showHeads();
    story.showChain(other, 4);
    story.showTransfers(other);
    story.showStatus(other);
    await expect(story.end()).toMatchFileSnapshot(golden('pbft-censoring-primary'));
  });

  it('a partition into halves: neither decides; healed, both go on together', async () => {
    const story = await Story.begin('A partition into two halves, with transfers on both sides.', FOUR);
    await story.wait(4_500);
    story.showHeads();
    story.partition(['n0', 'n1'], ['n2', 'n3']);
    story.send('n0');
    story.send('n2', story.cluster.clients[1]);
    await story.wait(10_000);
    story.showHeads();
    story.showTransfers('n0');
    story.heal();
    await story.wait(8_000);
    story.showHeads();
    story.showTransfers('n0');
    story.showTransfers('n2');
    expect(story.cluster.checkers.reorgs).toBe(0);
    await expect(story.end()).toMatchFileSnapshot(golden('pbft-partition'));
  });
});
