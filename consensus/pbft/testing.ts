import { keccak256 } from '../../src/crypto/keccak.ts';
import type { Bytes, Hash } from '../../src/types/primitives.ts';
import { messageTesting, type EngineTesting, type SeenBlock } from '../api/testing.ts';
import { FUTURE_MESSAGES_PER_VALIDATOR_MAX } from './ahead.ts';
import { BALLOTS_PER_VALIDATOR_MAX } from './ballots.ts';
import { offenceOf } from './judge.ts';
import { decodeStatement, encodeStatement, type Statement } from './messages.ts';

/** Views in which a liar votes for every block. */
const LYING_VIEWS = [0, 1, 2];

const hashOf = (text: string): Hash => keccak256(Buffer.from(text));

/** Votes for blocks that nobody has and for views that nobody is in, near and far. */
function floodStatement(n: number): Bytes {
  const height = n % 7 === 0 ? Number.MAX_SAFE_INTEGER - n : 1 + (n % 30);
  const view = n % 5 === 0 ? Number.MAX_SAFE_INTEGER - n : n % 40;
  const hash = hashOf(`block ${n}`);
  if (n % 4 === 0) return encodeStatement({ kind: 'view-change', height, view: view || 1, prepared: null });
  if (n % 4 === 1) return encodeStatement({ kind: 'status', height, view, now: n, asks: true });
  return encodeStatement({ kind: n % 4 === 2 ? 'prepare' : 'commit', height, view, hash });
}

/** Votes for every block seen, in every phase of several views, and changes of view that forget them. */
function lyingStatements({ hash, number: height }: SeenBlock): Bytes[] {
  return LYING_VIEWS.flatMap((view) => [
    encodeStatement({ kind: 'prepare', height, view, hash }),
    encodeStatement({ kind: 'commit', height, view, hash }),
    encodeStatement({ kind: 'view-change', height, view: view + 1, prepared: null }),
    encodeStatement({ kind: 'view-change', height, view: view + 1, prepared: { view, hash } }),
  ]);
}

function show(statement: Statement): string {
  const { kind, height, view } = statement;
  const subject = kind === 'view-change' ? `from ${statement.prepared?.view ?? 'nothing'}` : '';
  const block = 'hash' in statement ? statement.hash.slice(0, 10) : subject;
  return `${kind} ${height}/${view} ${block}`.trim();
}

export const pbftTesting: EngineTesting = {
  params: { blockTimeMs: 1000 },
  stormParams: (draw) => {
    const blockTimeMs = draw.pick([1000, 1000, 300, 0]);
    return {
      blockTimeMs,
      emptyBlocks: draw.pick(blockTimeMs === 0 ? ['never', 'after 2000'] : ['always', 'always', 'never', 'after 3000']),
      proposers: draw.pick(['sticky', 'sticky', 'rotating']),
      viewTimeoutMs: draw.pick([800, 800, 2000]),
      viewTimeoutMsMax: 5000,
    };
  },
  simParams: (draw) => ({ blockTimeMs: 1000, proposers: draw.pick(['sticky', 'sticky', 'rotating']) }),
  badParams: [
    [7, ''],
    [[], ''],
    [{ blockTimeMs: -1 }, 'blockTimeMs'],
    [{ blockTimeMs: '1000' }, 'blockTimeMs'],
    [{ viewTimeoutMs: 99 }, 'viewTimeoutMs'],
    [{ viewTimeoutMs: 5000, viewTimeoutMsMax: 4999 }, 'viewTimeoutMsMax'],
    [{ clockToleranceMs: 1.5 }, 'clockToleranceMs'],
    [{ emptyBlocks: true }, 'emptyBlocks'],
    [{ emptyBlocks: 'after' }, 'emptyBlocks'],
    [{ emptyBlocks: 'after 5' }, 'emptyBlocks'],
    [{ emptyBlocks: 'after 1e4' }, 'emptyBlocks'],
    [{ blockTimeMs: 0, emptyBlocks: 'always' }, 'emptyBlocks'],
    [{ proposers: 'random' }, 'proposers'],
    [{ blocktime: 5 }, 'blocktime'],
    [{ __proto__: null, constructor: 1 }, 'constructor'],
  ],
  messages: messageTesting<Statement>({
    read: decodeStatement,
    scope: ({ height }) => `height ${height}`,
    contradict: (a, b) => offenceOf(a, b) !== null,
    show,
  }),
  clockDomains: ['pbft-status'],
  flood: floodStatement,
  lies: lyingStatements,
  kept: ['pooledMessages', BALLOTS_PER_VALIDATOR_MAX + FUTURE_MESSAGES_PER_VALIDATOR_MAX],
};
