import { Emitter } from '../util/emitter.ts';
import type { NodeEventMap, NodeEvents } from './api.ts';

/** The node's notifications: `NodeEvents` for listeners, `emit` for the node. */
export class NodeEventHub extends Emitter<NodeEventMap> implements NodeEvents {}
