import { describe, expect, it } from 'vitest';
import { Story } from './story.ts';

/** Four authorities, a block a second, every block a checkpoint. */
const FOUR = { engine: 'poa', params: { blockTimeMs: 1000, checkpointBlocks: 1 }, validators: 4 };

function golden(name: string): string {
  return `golden/${name}.txt`;
}

describe('proof of authority', () => {
  it('happy path: blocks in turn, finality two blocks behind', async () => {
    const story = await Story.begin('Four authorities, nothing goes wrong.', FOUR);
    await story.wait(1_500);
    story.send('n0');
    story.send('n3', story.cluster.clients[1]);
    await story.wait(8_000);
    story.showChain('n2');
    story.showHeads();
    story.showTransfers('n1');
    await expect(story.end()).toMatchFileSnapshot(golden('poa-happy-path'));
  });

  it('an authority dies: the others seal in its place', async () => {
    const story = await Story.begin('One of four authorities dies and comes back.', FOUR);
    await story.wait(4_500);
    story.showChain('n1');
    story.node('n0').crash('power');
    story.say('n0 dies');
    await story.wait(9_000);
    story.showChain('n1', 4);
    story.showHeads();
    story.node('n0').start();
    story.say('n0 is started again');
    await story.wait(8_000);
    story.showChain('n0', 10);
    story.showHeads();
    await expect(story.end()).toMatchFileSnapshot(golden('poa-authority-dies'));
  });

  it('two of four die: no finality, and who is missing; one returns: all goes on', async () => {
    const story = await Story.begin('Two of four authorities die; one comes back.', FOUR);
    await story.wait(4_500);
    story.showHeads();
    story.node('n1').crash('power');
    story.node('n2').crash('power');
    story.say('n1 and n2 die');
    await story.wait(10_000);
    story.showHeads();
    story.showQuorum('n0');
    story.send('n0');
    await story.wait(5_000);
    story.showTransfers('n3');
    story.node('n1').start();
    story.say('n1 is started again');
    await story.wait(15_000);
    story.showHeads();
    story.showQuorum('n0');
    story.showTransfers('n1');
    await expect(story.end()).toMatchFileSnapshot(golden('poa-two-of-four-die'));
  });

  it('a partition heals: the heavier branch wins, and what the other had mined is mined again', async () => {
    const story = await Story.begin('A partition into two halves, with transfers on both sides.', FOUR);
    await story.wait(4_500);
    story.showHeads();
    story.cluster.hub.partition([
      ['n0', 'n1'],
      ['n2', 'n3'],
    ]);
    story.say('n0 n1 | n2 n3');
    story.send('n0');
    story.send('n2', story.cluster.clients[1]);
    await story.wait(8_000);
    story.showHeads();
    story.showTransfers('n0');
    story.showTransfers('n2');
    story.cluster.hub.heal();
    story.say('the network is whole again');
    await story.wait(15_000);
    story.showHeads();
    story.showChain('n0', 4);
    story.showTransfers('n0');
    story.showTransfers('n2');
    expect(story.cluster.checkers.reorgs).toBeGreaterThan(0);
    await expect(story.end()).toMatchFileSnapshot(golden('poa-partition'));
  });
});
