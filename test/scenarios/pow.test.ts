import { describe, expect, it } from 'vitest';
import { Story } from './story.ts';

/** Four miners of equal power, a block a second or so, final when twelve blocks are on top. */
const FOUR = {
  engine: 'pow',
  params: { blockTimeMs: 1000, hashRate: 64, retargetBlocks: 10, confirmations: 12 },
  validators: 4,
};

function golden(name: string): string {
  return `golden/${name}.txt`;
}

describe('proof of work', () => {
  it('happy path: blocks by luck, finality twelve deep', async () => {
    const story = await Story.begin('Four miners, nothing goes wrong.', FOUR);
    await story.wait(1_500);
    story.send('n0');
    story.send('n3', story.cluster.clients[1]);
    await story.wait(20_000);
    story.showChain('n2');
    story.showHeads();
    story.showDetail('n0', 'difficulty');
    story.showTransfers('n1');
    await expect(story.end()).toMatchFileSnapshot(golden('pow-happy-path'));
  });

  it('a race: two branches of two blocks and more, and the heavier one wins', async () => {
    const story = await Story.begin('Two halves mine on their own, with a transfer on either side, and meet.', FOUR);
    await story.wait(5_500);
    story.showHeads();
    story.partition(['n0', 'n1'], ['n2', 'n3']);
    story.send('n0');
    story.send('n2', story.cluster.clients[1]);
    await story.wait(9_000);
    story.showHeads();
    for (const name of ['n0', 'n2']) story.showDetail(name, 'totalWork');
    for (const name of ['n0', 'n2']) story.showTransfers(name);
    story.heal();
    await story.wait(6_000);
    story.showHeads();
    story.showChain('n0');
    for (const name of ['n0', 'n2']) story.showTransfers(name);
    for (const name of ['n0', 'n2']) story.showDetail(name, 'reorgDepthMax');
    expect(story.cluster.checkers.reorgs).toBeGreaterThan(0);
    await expect(story.end()).toMatchFileSnapshot(golden('pow-race'));
  });

  it('retargets: down when three of four miners leave, up when they return', async () => {
    const story = await Story.begin('Three of four miners leave and return; the difficulty follows.', FOUR);
    await story.wait(30_000);
    story.showHeads();
    story.showDetail('n0', 'difficulty');
    for (const name of ['n1', 'n2', 'n3']) story.crash(name);
    await story.wait(60_000);
    story.showHeads();
    story.showDetail('n0', 'difficulty');
    for (const name of ['n1', 'n2', 'n3']) story.start(name);
    await story.wait(30_000);
    story.showHeads();
    story.showDetail('n0', 'difficulty');
    await expect(story.end()).toMatchFileSnapshot(golden('pow-retarget'));
  });
});
