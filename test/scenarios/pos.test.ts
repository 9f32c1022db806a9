import { describe, expect, it } from 'vitest';
import { Story, type StoryOptions } from './story.ts';

/** Slots of a second, epochs of four, 32 coins at stake each. Nothing is paid or charged for presence, so that what offences cost can be seen. */
const PARAMS = { blockTimeMs: 1000, slotsPerEpoch: 4, attestationPpm: 0, absencePpm: 0, leakAfterEpochs: 1000 };
const FOUR: StoryOptions = { engine: 'pos', params: PARAMS, validators: 4 };

function golden(name: string): string {
  return `golden/${name}.txt`;
}

describe('proof of stake', () => {
  it('happy path: a block in each slot by whom the draw names, finality two epochs behind', async () => {
    const story = await Story.begin('Four validators with the same stake, epochs of four slots, nothing goes wrong.', {
      ...FOUR,
      params: { ...PARAMS, attestationPpm: 10 },
    });
    await story.wait(5_500);
    story.send('n0');
    story.send('n3', story.cluster.clients[1]);
    await story.wait(6_000);
    story.showHeads();
    story.showTransfers('n1');
    story.showFinality('n1');
    await story.wait(8_000);
    story.showSlots('n2');
    story.showHeads();
    story.showFinality('n1');
    story.showStakes();
    await expect(story.end()).toMatchFileSnapshot(golden('pos-happy-path'));
  });

  it('a proposer misses its slots: they stay empty, the chain goes on, finality too', async () => {
    const story = await Story.begin('One of four validators dies and comes back.', FOUR);
    await story.wait(8_500);
    story.showHeads();
    story.crash('n0');
    await story.wait(12_000);
    story.showSlots('n1', 8);
    story.showHeads();
    story.showQuorum('n1');
    story.start('n0');
    await story.wait(12_000);
    story.showSlots('n1', 20);
    story.showHeads();
    story.showQuorum('n1');
    await expect(story.end()).toMatchFileSnapshot(golden('pos-proposer-dies'));
  });

  it('two of four die: no finality, and who is missing; one returns: all goes on', async () => {
    const story = await Story.begin('Two of four validators die; one comes back.', FOUR);
    await story.wait(16_500);
    story.showHeads();
    story.crash('n1');
    story.crash('n2');
    await story.wait(20_000);
    story.showHeads();
    story.showQuorum('n0');
    story.showDetail('n0', 'stalledEpochs');
    story.send('n0');
    await story.wait(4_000);
    story.showTransfers('n3');
    story.start('n1');
    await story.wait(16_000);
    story.showHeads();
    story.showQuorum('n0');
    story.showTransfers('n1');
    await expect(story.end()).toMatchFileSnapshot(golden('pos-two-of-four-die'));
  });

  it('a partition into halves: blocks on both sides, finality on neither; healed, one history is left', async () => {
    const story = await Story.begin('A partition into two halves, with transfers on both sides.', FOUR);
    await story.wait(15_900);
    story.showHeads();
    story.partition(['n0', 'n1'], ['n2', 'n3']);
    story.send('n0');
    story.send('n2', story.cluster.clients[1]);
    await story.wait(16_000);
    story.showHeads();
    story.showQuorum('n0');
    story.showQuorum('n2');
    story.showTransfers('n0');
    story.showTransfers('n2');
    story.heal();
    await story.wait(20_000);
    story.showHeads();
    story.showSlots('n3', 16);
    story.showTransfers('n0');
    story.showTransfers('n2');
    story.showStakes();
    expect(story.cluster.checkers.reorgs).toBeGreaterThan(0);
    await expect(story.end()).toMatchFileSnapshot(golden('pos-partition'));
  });

  it('a validator runs twice: it is proven, costs a coin, pays who proved it, and puts it in jail', async () => {
    const story = await Story.begin('n3 runs on two machines, which lose sight of each other for three slots.', {
      ...FOUR,
      adversaries: [{ kind: 'twin', validator: 3 }],
    });
    await story.wait(8_500);
    story.showStakes();
    story.partition(['n0', 'n3a'], ['n1', 'n2', 'n3b']);
    await story.wait(3_000);
    story.heal();
    await story.wait(4_000);
    story.showSlots('n0', 8);
    story.showEvidence('n0');
    story.showStakes();
    story.showHeads();
    await story.wait(12_000);
    story.showStakes();
    story.showHeads();
    await expect(story.end()).toMatchFileSnapshot(golden('pos-twin'));
  });
});
