import { describe, expect, it } from 'vitest';
import { Story, type StoryOptions } from './story.ts';

/** Slots of a second, two turns for each seat in an epoch. A delegate that made no block in an epoch and missed two turns is jailed. */
const PARAMS = {
  blockTimeMs: 1000,
  slotsPerEpoch: 6,
  attestationPpm: 0,
  absencePpm: 0,
  missedTurnsMax: 2,
  leakAfterEpochs: 2,
};
/** One candidate more than there are seats. The checkers look for every validator of the genesis among those with a say. */
const THREE_SEATS: StoryOptions = {
  engine: 'dpos',
  params: { ...PARAMS, seats: 3 },
  validators: 4,
  expected: ['HONEST_PUNISHED'],
};
const FOUR_SEATS: StoryOptions = {
  ...THREE_SEATS,
  params: { ...PARAMS, slotsPerEpoch: 8, seats: 4 },
  validators: 5,
};

function golden(name: string): string {
  return `golden/${name}.txt`;
}

describe('delegated proof of stake', () => {
  it('happy path: delegates take turns in an order drawn for each epoch, finality two epochs behind', async () => {
    const story = await Story.begin('Four candidates for three seats, nothing goes wrong.', {
      ...THREE_SEATS,
      params: { ...PARAMS, seats: 3, attestationPpm: 10 },
    });
    await story.wait(7_500);
    story.showSeats('n0');
    story.send('n0');
    await story.wait(5_000);
    story.showTransfers('n1');
    story.showHeads();
    story.showFinality('n1');
    await story.wait(14_000);
    story.showSlots('n0');
    story.showHeads();
    story.showQuorum('n0');
    story.showFinality('n1');
    story.showStakes();
    await expect(story.end()).toMatchFileSnapshot(golden('dpos-happy-path'));
  });

  it('one delegate of four is away: jailed after an epoch, the next candidate has its seat, finality goes on', async () => {
    const story = await Story.begin('Five candidates for four seats; a delegate dies.', FOUR_SEATS);
    await story.wait(15_500);
    story.showSeats('n1');
    story.crash('n2');
    await story.wait(10_000);
    story.showSlots('n1', 8);
    story.showSeats('n1');
    story.showHeads();
    story.showQuorum('n1');
    await story.wait(14_000);
    story.showSlots('n1', 24);
    story.showHeads();
    story.showQuorum('n1');
    story.showStakes('n1');
    story.start('n2');
    await story.wait(8_000);
    story.showSeats('n2');
    story.showHeads();
    await expect(story.end()).toMatchFileSnapshot(golden('dpos-absent-delegate'));
  });

  it('one delegate of three is away: two seats are not more than two thirds; finality waits as long as a leak does', async () => {
    const story = await Story.begin('Four candidates for three seats; a delegate dies for good.', THREE_SEATS);
    await story.wait(12_500);
    story.showSeats('n1');
    story.showHeads();
    story.crash('n2');
    await story.wait(12_000);
    story.showSeats('n1');
    story.showHeads();
    story.showQuorum('n1');
    await story.wait(12_000);
    story.showHeads();
    story.showQuorum('n1');
    await story.wait(12_000);
    story.showHeads();
    story.showQuorum('n1');
    story.showStakes('n1');
    await expect(story.end()).toMatchFileSnapshot(golden('dpos-third-of-seats'));
  });
});
