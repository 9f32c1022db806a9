import { afterEach, expect, it, vi } from 'vitest';
import { Audiences, type Audience, type Happening } from '../../../rpc/audiences.ts';
import { Turns } from '../../../rpc/turns.ts';

/** A clock that goes on by a millisecond whenever it is looked at: a slice is over after so many steps. */
let nowMs = 0;
vi.spyOn(performance, 'now').mockImplementation(() => nowMs++);
afterEach(() => {
  nowMs = 0;
});

class Listening implements Audience {
  readonly clientId: string;
  readonly heard: string[] = [];
  lost: (Error | null)[] = [];

  constructor(clientId: string) {
    this.clientId = clientId;
  }

  readonly hear = (text: string): void => void this.heard.push(text);

  lose(error: Error | null): void {
    this.lost.push(error);
  }
}

/** Who asks for n is told n things of it. */
function happening(name: string, weight = 1): Happening<number> {
  return {
    weight,
    concerns: (count) => count > 0,
    texts: (count) => Array.from({ length: count }, (_, i) => `${name}${i}`),
    fade: () => {},
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function until(done: () => boolean): Promise<void> {
  while (!done()) await turn();
}

it('tells a little at once, in order, from when somebody listens until he does not', () => {
  const audiences = new Audiences<number>(new Turns());
  const listening = new Listening('a');
  audiences.tell(happening('early'));
  const stop = audiences.add(listening, 1, listening.hear);
  audiences.tell(happening('first'));
  audiences.tell(happening('second'));
  stop();
  audiences.tell(happening('late'));
  expect(listening.heard).toEqual(['first0', 'second0']);
});

it('tells much in slices, everything and in order, and others meanwhile', async () => {
  const audiences = new Audiences<number>(new Turns());
  const [heavy, light] = [new Listening('heavy'), new Listening('light')];
  audiences.add(heavy, 100, heavy.hear);
  audiences.add(light, 1, light.hear);
  audiences.tell(happening('a'));
  audiences.tell(happening('b'));
  expect(heavy.heard.length).toBeLessThan(10);
  await until(() => light.heard.length === 2);
  expect(heavy.heard.length).toBeLessThan(100);
  await until(() => heavy.heard.length === 200);
  const all = (name: string): string[] => Array.from({ length: 100 }, (_, i) => `${name}${i}`);
  expect(heavy.heard).toEqual([...all('a'), ...all('b')]);
  expect(light.heard).toEqual(['a0', 'b0']);
});

it('begins nothing with somebody who comes while others are still told', async () => {
  const audiences = new Audiences<number>(new Turns());
  const listening = new Listening('a');
  audiences.add(listening, 100, listening.hear);
  audiences.tell(happening('a'));
  const late: string[] = [];
  audiences.add(listening, 1, (text) => late.push(text));
  await until(() => listening.heard.length === 100);
  audiences.tell(happening('b'));
  await until(() => late.length > 0);
  expect(late).toEqual(['b0']);
});

it('loses who falls too far behind, and nobody else', async () => {
  const audiences = new Audiences<number>(new Turns());
  const [slow, light] = [new Listening('slow'), new Listening('light')];
  audiences.add(slow, 10_000, slow.hear);
  audiences.add(light, 1, light.hear);
  let told = 0;
  for (; slow.lost.length === 0; told++) {
    audiences.tell(happening('a', 1_000));
    await turn();
  }
  const before = slow.heard.length;
  audiences.tell(happening('b'));
  await until(() => light.heard.length === told + 1);
  expect(told).toBe(11);
  expect([slow.lost, light.lost]).toEqual([[null], []]);
  expect(slow.heard.length).toBe(before);
});

it('loses whom it cannot tell, with the error', () => {
  const audiences = new Audiences<number>(new Turns());
  const [unlucky, other] = [new Listening('unlucky'), new Listening('other')];
  const error = new Error('no such text');
  audiences.add(unlucky, 2, unlucky.hear);
  audiences.add(other, 1, other.hear);
  const texts = (count: number): string[] => {
    if (count === 2) throw error;
    return ['told'];
  };
  audiences.tell({ ...happening('a'), texts });
  audiences.tell(happening('b'));
  expect([unlucky.lost, unlucky.heard]).toEqual([[error], []]);
  expect(other.heard).toEqual(['told', 'b0']);
});

it('is silent after the end', async () => {
  const audiences = new Audiences<number>(new Turns());
  const listening = new Listening('a');
  audiences.add(listening, 100, listening.hear);
  audiences.tell(happening('a'));
  audiences.clear();
  const before = listening.heard.length;
  audiences.tell(happening('b'));
  for (let i = 0; i < 10; i++) await turn();
  expect(listening.heard.length).toBe(before);
});
