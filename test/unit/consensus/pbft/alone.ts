import type { Statement } from '../../../../consensus/pbft/messages.ts';
import type { Hash, JsonObject } from '../../../../src/types/primitives.ts';
import { Net, type NetBlock, type NetNode } from './net.ts';

export type Alone = {
  readonly net: Net;
  readonly node: NetNode;
  readonly height: number;
  readonly parent: NetBlock;
  /** What the node has said since. */
  readonly said: Statement[];
};

/**
 * Four validators that have decided some heights. From now on the second one (v1) hears only what the test says, and nobody
 * hears it. The primary of view v is v{v mod 4}.
 */
export function alone(params: JsonObject = {}): Alone {
  const net = new Net({ validators: 4, params }).start();
  net.demand();
  net.until(() => net.decided >= (net.params.emptyBlocks === 'never' ? 1 : 3));
  const node = net.node(1);
  net.passes = ({ from, to }) => from !== node && to !== node;
  const height = node.decided + 1;
  const parent = node.blocks.get(node.finals.get(height - 1) ?? '0x');
  if (parent === undefined) throw new Error('the parent is known');
  const said: Statement[] = [];
  net.onCast = (from, statement) => void (from === node && said.push(statement));
  return { net, node, height, parent, said };
}

/** The same, with a block of v0 that the validators could decide. */
export function candidate(params: JsonObject = {}): Alone & { readonly hash: Hash; readonly block: NetBlock } {
  const scene = alone(params);
  const { net, node, parent } = scene;
  net.run(900);
  const block = net.node(0).seal(parent, parent.header.timeMs + 1000);
  node.take(block);
  return { ...scene, hash: block.hash, block };
}
