import { describe, expect, it } from 'vitest';
import { Net, type NetNode } from './net.ts';

/** A block sealed and lost: the signer gives no second one in that view, so the validator must know of the first. */

const PARAMS = { blockTimeMs: 1000, viewTimeoutMs: 1000 };

/** Some heights on, the next primary dies when its block is signed and before it is stored anywhere. */
function diesSealing(validators: number, params = PARAMS): { readonly net: Net; readonly primary: NetNode } {
  const net = new Net({ validators, params }).start();
  net.until(() => net.decided >= 2);
  const primary = net.nodes.find(({ address, status }) => address === status.proposer.now);
  if (primary === undefined) throw new Error('somebody leads');
  net.onPublish = (node) => {
    if (node !== primary) return;
    net.onPublish = () => {};
    node.kill();
  };
  net.until(() => primary.engine === null);
  return { net, primary };
}

describe('a primary that dies between the signature of its block and its storage', () => {
  it.each([1, 4])('makes no other in that view, and the chain of %s goes on', (validators) => {
    const { net, primary } = diesSealing(validators);
    const before = primary.decided;
    primary.boot();
    net.run(10_000);
    expect(primary.refused).toEqual([]);
    expect(net.decided).toBeGreaterThan(before + 5);
    expect(primary.status.clock.value).toBe(0);
  });

  it('again and again, leads later views of that height', () => {
    const { net, primary } = diesSealing(1);
    const before = primary.decided;
    for (let times = 0; times < 3; times++) {
      primary.boot();
      net.onPublish = (node) => node.kill();
      net.until(() => primary.engine === null);
    }
    net.onPublish = () => {};
    primary.boot();
    net.run(20_000);
    expect(primary.refused).toEqual([]);
    expect(primary.decided).toBeGreaterThan(before);
  });

  it('saves it before it publishes, in the same step', () => {
    const net = new Net({ validators: 4, params: PARAMS }).start();
    const primary = net.node(0);
    net.until(() => net.decided >= 1);
    primary.effects.length = 0;
    net.until(() => primary.effects.some(({ type }) => type === 'publish'));
    const acts = primary.effects.map(({ type }) => type).filter((type) => !type.includes('timer'));
    expect(acts[acts.indexOf('publish') - 1]).toBe('persist');
  });
});

it('a block that never comes back is given up with its view', () => {
  const net = new Net({ validators: 1, params: PARAMS }).start();
  const node = net.node(0);
  net.until(() => node.decided >= 2);
  const { take } = node;
  let lost = 0;
  node.take = (...args) => {
    if (lost++ > 0) take.apply(node, args);
  };
  net.run(10_000);
  expect(node.refused).toEqual([]);
  expect(node.decided).toBeGreaterThan(6);
});
