import { describe, expect, it } from 'vitest';
import { BlockWeights } from '../../../../consensus/common/block-weights.ts';
import {
  childBlock,
  rootBlock,
  workOfBits,
  type PowBlock,
  type PowTreeBlock,
} from '../../../../consensus/pow/branch.ts';
import { bitsOf, POW_LIMIT } from '../../../../consensus/pow/compact.ts';
import { checkHeader } from '../../../../consensus/pow/header-check.ts';
import type { Origin } from '../../../../consensus/api/event.ts';
import type { Hash } from '../../../../src/types/primitives.ts';
import { CHAIN, crypto, Harness, type MadeBlock } from './harness.ts';

const hashOf = (n: number): Hash => `0x${n.toString(16).padStart(64, '0')}`;

/** A tree of `size` blocks: a chain whose blocks are `times` as hard, and a branch of easy ones from its root. */
function crowd(size: number, times: bigint) {
  const harness = new Harness({ params: { hashRate: 1, retargetBlocks: 1_000_000 } }).start();
  const { genesis, params } = harness;
  const data = rootBlock({ finalized: genesis.header, anchor: null }, params);
  const tree = new BlockWeights<PowBlock>({ hash: genesis.hash, parentHash: hashOf(0), number: 0, data });
  const hardBits = bitsOf(POW_LIMIT / times);
  let head: PowTreeBlock = tree.root;
  const hard: PowTreeBlock[] = [];
  for (let n = 1; n <= 100; n++) {
    const bits = hardBits;
    head = tree.add({
      hash: hashOf(n),
      parentHash: head.hash,
      number: n,
      weight: workOfBits(bits),
      data: { ...childBlock(head.data, { number: n, timeMs: data.timeMs + n }, params), bits },
    });
    hard.push(head);
  }
  while (tree.size < size - 1) {
    const n = tree.size + 1000;
    tree.add({ hash: hashOf(n), parentHash: genesis.hash, number: 1, weight: 1n, data });
  }
  const easy = harness.make(genesis, { afterMs: 1 });
  tree.add({ hash: easy.hash, parentHash: genesis.hash, number: 1, weight: workOfBits(data.bits), data: easy.pow });
  const check = (block: MadeBlock, origin: Origin = 'gossip') =>
    checkHeader({ params, ...CHAIN, crypto, tree, head }, block.header, {
      origin,
      now: block.header.timeMs,
      votes: [],
      justification: null,
      peer: null,
    });
  return { harness, easy, check, hard };
}

describe('a crowded tree', () => {
  it('takes in no more cheap blocks far from the head', () => {
    const { harness, easy, check } = crowd(8192, 64n);
    const block = harness.make(easy);
    expect(check(block)).toEqual({ kind: 'ignore', code: 'POW_WORK_LOW' });
    // What was stored is taken back.
    expect(check(block, 'replay')).toEqual({ kind: 'accept' });
  });

  it('takes in those that cost what a sixteenth of the head does', () => {
    const { harness, easy, check } = crowd(8192, 16n);
    expect(check(harness.make(easy))).toEqual({ kind: 'accept' });
  });

  it('takes in easy ones near the head: difficulty may have fallen for all', () => {
    const { harness, check, hard } = crowd(8192, 64n);
    const near = hard.at(-10) as PowTreeBlock;
    const pow = { ...near.data, bits: harness.genesis.pow.bits };
    const header = { ...harness.genesis.header, number: near.number, timeMs: near.data.timeMs };
    const fallen: MadeBlock = { hash: near.hash, header, pow };
    // Its bits are not those of its branch here; the verdict on work comes first, so the branch must have them.
    Object.assign(near, { data: pow });
    expect(check(harness.make(fallen))).toEqual({ kind: 'accept' });
  });

  it('is none with room', () => {
    const { harness, easy, check } = crowd(8000, 64n);
    expect(check(harness.make(easy))).toEqual({ kind: 'accept' });
  });
});
