import { describe, expect, it } from 'vitest';
import { BALLOTS_PER_VALIDATOR_MAX } from '../../../../consensus/pbft/ballots.ts';
import { FUTURE_MESSAGES_PER_VALIDATOR_MAX } from '../../../../consensus/pbft/ahead.ts';
import { encodeExtra } from '../../../../consensus/pbft/extra.ts';
import { judgePbft } from '../../../../consensus/pbft/judge.ts';
import { encodeStatement, type NewView, type Statement } from '../../../../consensus/pbft/messages.ts';
import { pbftTesting } from '../../../../consensus/pbft/testing.ts';
import type { Verdict } from '../../../../consensus/api/verdict.ts';
import type { Header } from '../../../../src/types/block.ts';
import type { Hash } from '../../../../src/types/primitives.ts';
import { fakeSign, rigHeader, sealed } from '../../../conformance/rig-parts.ts';
import { alone, candidate } from './alone.ts';
import { CHAIN, crypto, Net, signed, validator, type NetNode } from './net.ts';
import { HASH, OTHER } from './samples.ts';

const codeOf = (verdict: Verdict | undefined): string =>
  verdict === undefined || verdict.kind === 'accept' ? 'accept' : `${verdict.kind} ${verdict.code}`;

const pooled = (node: NetNode): number => node.status.counters['pooledMessages'] ?? 0;

describe('checkMessage', () => {
  const { node, height } = alone();
  const check = (from: number, statement: Statement): string =>
    codeOf(node.engine?.checkMessage(signed(validator(from), statement)));
  const change = (view: number) => ({ kind: 'view-change', height, view, prepared: null }) as const;
  const newView = (view: number, changes: NewView['changes'] = []) =>
    ({ kind: 'new-view', height, view, changes, certificate: null }) as const;
  const signatures = (view: number) =>
    [0, 1, 2].map((i) => ({
      from: validator(i),
      prepared: null,
      signature: signed(validator(i), change(view)).signature,
    }));

  it.each([
    ['a vote', 2, { kind: 'commit', height, view: 0, hash: HASH }, 'accept'],
    ['a vote for a view to come', 2, { kind: 'prepare', height, view: 7, hash: HASH }, 'accept'],
    ['a vote for the next height', 2, { kind: 'prepare', height: height + 1, view: 0, hash: HASH }, 'accept'],
    [
      'a proposal for the next height',
      2,
      { kind: 'pre-prepare', height: height + 1, view: 0, hash: HASH },
      'later HEIGHT_AHEAD',
    ],
    ['a stranger', 8, { kind: 'commit', height, view: 0, hash: HASH }, 'ignore VALIDATOR_UNKNOWN'],
    ['a height that is over', 2, { kind: 'commit', height: height - 2, view: 0, hash: HASH }, 'ignore STATEMENT_OLD'],
    ['a height far ahead', 2, { kind: 'commit', height: height + 3, view: 0, hash: HASH }, 'later HEIGHT_AHEAD'],
    ['a view far ahead', 2, { kind: 'commit', height, view: 1001, hash: HASH }, 'ignore VIEW_AHEAD'],
    ['a proposal of the primary', 0, { kind: 'pre-prepare', height, view: 0, hash: HASH }, 'accept'],
    ['a proposal of another', 2, { kind: 'pre-prepare', height, view: 0, hash: HASH }, 'reject NOT_PRIMARY'],
    ['a NEW-VIEW with proof', 1, newView(1, signatures(1)), 'accept'],
    ['a NEW-VIEW, however far, with proof', 2, newView(2002, signatures(2002)), 'accept'],
    ['a NEW-VIEW of another', 2, newView(1, signatures(1)), 'reject NOT_PRIMARY'],
    ['a NEW-VIEW without proof', 3, newView(3), 'reject CHANGES_TOO_FEW'],
    ['a NEW-VIEW with changes to another view', 0, newView(4, signatures(5)), 'reject CHANGE_FORGED'],
  ] as const)('%s', (_, from, statement, code) => {
    expect(check(from, statement)).toBe(code);
    // A read changes nothing, and costs the same answer.
    expect(check(from, statement)).toBe(code);
  });

  it('a certificate that proves nothing', () => {
    const signers = [0, 2, 3].map((i) => ({ from: validator(i), signature: new Uint8Array(65) }));
    const certificate = { view: 0, hash: HASH, signers };
    expect(check(2, { kind: 'certificate', height, view: 0, certificate })).toBe('reject SIGNATURE_FORGED');
  });

  it('far heights are listened to while they are news, or while others confirm that we are behind', () => {
    const { node: late, height: at } = alone();
    const far = (from: number, ahead: number): string => {
      const message = signed(validator(from), { kind: 'commit', height: at + ahead, view: 0, hash: HASH });
      const code = codeOf(late.engine?.checkMessage(message));
      late.hear(message);
      return code;
    };
    expect([20, 20, 10, 21].map((ahead) => far(2, ahead))).toEqual([
      'later HEIGHT_AHEAD',
      'ignore HEIGHT_AHEAD',
      'ignore HEIGHT_AHEAD',
      'later HEIGHT_AHEAD',
    ]);
    expect([9, 9, 9].map((ahead) => far(3, ahead))).toEqual(Array(3).fill('later HEIGHT_AHEAD'));
    expect(late.effects.filter(({ type }) => type === 'behind')).toEqual([{ type: 'behind', height: at + 9 }]);
  });

  it('a late COMMIT for what is decided is passed on, another is not', () => {
    const hash = [...node.finals.values()].at(-1) ?? '0x';
    expect(check(2, { kind: 'commit', height: height - 1, view: 0, hash })).toBe('accept');
    expect(check(2, { kind: 'commit', height: height - 1, view: 0, hash: HASH })).toBe('ignore STATEMENT_OLD');
  });
});

describe('votes', () => {
  const vote = (kind: 'prepare' | 'commit' | 'pre-prepare', height: number, hash: Hash, view = 0) =>
    ({ kind, height, view, hash }) as const;

  it('of a quorum decide, of strangers and repeaters do not', () => {
    const { node, height, hash } = candidate();
    const commit = vote('commit', height, hash);
    for (const from of [8, 9, 10]) node.step({ type: 'message', message: signed(validator(from), commit), peer: 'p' });
    for (let i = 0; i < 3; i++) node.hear(signed(validator(2), commit));
    node.hear(signed(validator(3), commit));
    expect(node.decided).toBe(height - 1);
    node.hear(signed(validator(0), commit));
    expect(node.decided).toBe(height);
  });

  it('of different views, or of another phase, do not add up', () => {
    const { node, height, hash } = candidate();
    [0, 2, 3].forEach((from, view) => node.hear(signed(validator(from), vote('commit', height, hash, view))));
    for (const from of [0, 2, 3]) node.hear(signed(validator(from), vote('prepare', height, hash, 4)));
    expect(node.decided).toBe(height - 1);
    expect(node.status.details['prepared']).toBeNull();
  });

  it('count in any view, also for one who has given that view up', () => {
    const { net, node, height, hash } = candidate();
    net.run(3000);
    expect(node.status.details).toMatchObject({ view: 0, target: 1 });
    for (const from of [0, 2, 3]) node.hear(signed(validator(from), vote('commit', height, hash, 5)));
    expect(node.decided).toBe(height);
  });

  it('without the proposal of the primary prepare nothing, and a PREPARE of the primary is none', () => {
    const { node, height, hash } = candidate();
    for (const from of [0, 2, 3]) node.hear(signed(validator(from), vote('prepare', height, hash)));
    expect(node.status.details['prepared']).toBeNull();
    node.hear(signed(validator(0), vote('pre-prepare', height, hash)));
    expect(node.status.details['prepared']).toMatchObject({ view: 0, hash });
  });

  it('the first proposal of a view stands', () => {
    const { net, node, height, hash } = candidate();
    const commits: Hash[] = [];
    net.onCast = (_, statement) => {
      if (statement.kind === 'prepare') commits.push(statement.hash);
    };
    node.hear(signed(validator(0), vote('pre-prepare', height, hash)));
    node.hear(signed(validator(0), vote('pre-prepare', height, OTHER)));
    expect(commits).toEqual([hash]);
    expect(node.evidence).toHaveLength(1);
  });

  it('are kept in a bounded number, and a flood pushes out nobody else', () => {
    const { node, height, hash } = candidate();
    for (const from of [2, 3]) node.hear(signed(validator(from), vote('commit', height, hash)));
    for (let n = 0; n < 20_000; n++) {
      const payload = pbftTesting.flood?.(n) ?? new Uint8Array(0);
      const signature = fakeSign(crypto.messageDigest(payload), validator(0));
      const message = { from: validator(0), payload, signature };
      if (node.engine?.checkMessage(message).kind === 'accept') node.step({ type: 'message', message, peer: 'p' });
      node.hear(signed(validator(0), vote('commit', height, `0x${n.toString(16).padStart(64, '0')}`, n % 900)));
    }
    const kinds = 3 * 2 + BALLOTS_PER_VALIDATOR_MAX + FUTURE_MESSAGES_PER_VALIDATOR_MAX;
    expect(pooled(node)).toBeLessThanOrEqual(kinds);
    // Ours comes last: those of the other two are still there.
    node.hear(signed(validator(1), vote('commit', height, hash)));
    expect(node.decided).toBe(height);
  });

  it('answers are rare, however many ask', () => {
    const { net, node, height } = alone();
    node.effects.length = 0;
    for (let i = 0; i < 1000; i++) {
      net.run(1);
      node.hear(signed(validator(2), { kind: 'status', height, view: 0, now: net.agenda.now, asks: true }));
    }
    const said = node.effects.filter(({ type }) => type === 'cast' || type === 'recast');
    expect(said.length).toBeGreaterThan(1);
    expect(said.length).toBeLessThanOrEqual(3);
  });
});

describe('changes of view', () => {
  const change = (height: number, view: number, prepared: { view: number; hash: Hash } | null = null) =>
    ({ kind: 'view-change', height, view, prepared }) as const;

  it('one alone moves nobody, a weak quorum does, to the lowest view', () => {
    const { node, height } = alone();
    node.hear(signed(validator(2), change(height, 9)));
    expect(node.status.details['target']).toBe(0);
    node.hear(signed(validator(3), change(height, 4)));
    expect(node.status.details['target']).toBe(4);
  });

  it('a claim counts when its certificate comes, and its block is then proposed again', () => {
    const { net, node, height } = alone();
    const claim = { view: 0, hash: HASH };
    const cast: Statement[] = [];
    net.onCast = (from, statement) => void (from === node && cast.push(statement));
    // View 1 is ours to open.
    node.hear(signed(validator(2), change(height, 1, claim)));
    node.hear(signed(validator(3), change(height, 1)));
    net.run(1);
    expect(cast.map(({ kind }) => kind)).toEqual(['view-change']);
    const signers = [0, 2, 3].map((i) => ({
      from: validator(i),
      signature: signed(validator(i), { kind: i === 0 ? 'pre-prepare' : 'prepare', height, ...claim }).signature,
    }));
    node.hear(signed(validator(2), { kind: 'certificate', height, view: 0, certificate: { ...claim, signers } }));
    expect(cast.at(-1)).toMatchObject({ kind: 'new-view', view: 1, certificate: claim });
    net.run(200);
    expect(node.status.details).toMatchObject({ view: 1, required: HASH });
    // It is not here, so it is asked for, and nothing else is proposed.
    expect(node.effects.filter(({ type }) => type === 'fetch')).toMatchObject([{ hash: HASH }]);
    expect(cast.some(({ kind }) => kind === 'pre-prepare')).toBe(false);
  });

  it('a COMMIT that is forgotten in a VIEW-CHANGE is reported, whichever comes first', () => {
    for (const isSwapped of [false, true]) {
      const { node, height } = alone();
      const statements: Statement[] = [{ kind: 'commit', height, view: 3, hash: HASH }, change(height, 5)];
      for (const statement of isSwapped ? statements.reverse() : statements) node.hear(signed(validator(2), statement));
      const [evidence] = node.evidence;
      expect(evidence === undefined ? null : judgePbft(evidence, crypto)).toEqual({
        offender: validator(2),
        code: 'LOCK_FORGOTTEN',
        height,
      });
    }
  });
});

describe('memory', () => {
  it('that is damaged stops the validator', () => {
    const net = new Net({ validators: 1 });
    net.node(0).saved.set('pbft', Uint8Array.of(0xc1, 0x05));
    expect(() => net.start()).toThrow(expect.objectContaining({ code: 'SAVED_VOTES_DAMAGED' }));
  });

  it('of the height before is kept until the decision is on disk', () => {
    const net = new Net({ validators: 1, params: { blockTimeMs: 0 } }).start();
    const node = net.node(0);
    net.demand();
    net.until(() => node.decided === 1);
    const order = node.effects.map(({ type }) => type).filter((type) => type !== 'timer' && type !== 'drop-timer');
    // What is said is saved before, and the decision comes before anything of the next height.
    expect(order.indexOf('persist')).toBeLessThan(order.indexOf('cast'));
    expect(order.indexOf('forkchoice')).toBeGreaterThan(order.lastIndexOf('cast'));
  });
});

describe('checkHeader', () => {
  const { node, height } = alone();
  const parent = node.blocks.get(node.finals.get(height - 1) ?? '0x');
  if (parent === undefined) throw new Error('the parent is known');
  const base = parent.header.timeMs;
  const now = base + 5000;

  function make(fields: Partial<Header>, author = 0): Header {
    const { seal: _, ...given } = { seal: null, ...fields };
    const unsealed = rigHeader({
      parentHash: parent?.hash ?? '0x',
      number: height,
      timeMs: base + 1000,
      extra: encodeExtra(CHAIN),
      ...given,
    });
    return sealed(unsealed, fields.seal ?? fakeSign(crypto.sealHash(unsealed), validator(author)));
  }
  const check = (header: Header, author = 0, justification: Uint8Array | null = null): string => {
    const how = { origin: 'gossip', now, votes: [], justification, peer: null } as const;
    return codeOf(node.engine?.checkHeader(header, parent.header, validator(author), how));
  };

  it.each([
    ['of the primary, at the earliest time', make({}), 0, 'accept'],
    ['of who leads one of the next views', make({}, 2), 2, 'accept'],
    ['of any other validator', make({}, 3), 3, 'ignore AUTHOR_NOT_LEADING'],
    ['of a stranger', make({}, 8), 8, 'reject AUTHOR_UNAUTHORIZED'],
    ['too early', make({ timeMs: base + 999 }), 0, 'reject TIME_TOO_EARLY'],
    ['within tolerance', make({ timeMs: now + 1500 }), 0, 'accept'],
    ['too far ahead', make({ timeMs: now + 1501 }), 0, 'later TIME_AHEAD'],
    ['with a short seal', make({ seal: new Uint8Array(64) }), 0, 'reject SEAL_INVALID'],
    ['with rubbish in extra', make({ extra: Uint8Array.of(1) }), 0, 'reject EXTRA_MALFORMED'],
    ['for another chain', make({ extra: encodeExtra({ chainId: 1, shard: 0 }) }), 0, 'reject EXTRA_OTHER_CHAIN'],
    ['with a wrong number', make({ number: height + 1 }), 0, 'reject NUMBER_INVALID'],
    ['on a parent nobody knows', make({ parentHash: HASH }), 0, 'later PARENT_UNKNOWN'],
  ] as const)('a block %s', (_, header, author, code) => {
    expect(check(header, author)).toBe(code);
  });

  it('a proof overrides the clock, and a false one is refused', () => {
    const header = make({ timeMs: now + 100_000 });
    const hash = crypto.headerHash(header);
    const { proofs } = node;
    const commits = [0, 2, 3].map((i) => signed(validator(i), { kind: 'commit', height, view: 0, hash }));
    node.step({ type: 'message', message: signed(validator(9), { kind: 'commit', height, view: 0, hash }), peer: 'p' });
    const other = proofs.get(parent.hash) ?? new Uint8Array(0);
    expect(check(header, 0, other)).toBe('reject PBFT_CERTIFICATE_SIGNATURE_FORGED');
    expect(check(header, 0, new Uint8Array(3))).toBe('reject PBFT_CERTIFICATE_MALFORMED');
    expect(check(header)).toBe('later TIME_AHEAD');
    // A quorum of COMMITs vouches for it as well: it is needed to go on.
    for (const message of commits) node.hear(message);
    expect(check(header)).toBe('accept');
  });
});

it('a flood is made of well-formed statements', () => {
  for (let n = 0; n < 200; n++) {
    const payload = pbftTesting.flood?.(n) ?? new Uint8Array(0);
    const statement = pbftTesting.messages?.read(payload) as Statement | null;
    expect(statement === null ? null : encodeStatement(statement)).toEqual(payload);
  }
});
