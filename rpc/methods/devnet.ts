/** devnet_: what a devnet's node makes its own network suffer, so that people can watch it recover. No other node has it. */
import type { Faulty, NetworkFaults } from '../../src/node/api.ts';
import type { JsonObject } from '../../src/types/primitives.ts';
import { ParleyError } from '../../src/util/errors.ts';
import { invalidParams, METHOD_NOT_SUPPORTED } from '../errors.ts';
import { define, param, type MethodTable } from '../method.ts';
import { WHOLE } from '../params.ts';
import { isRecord } from '../schema/json.ts';
import { byKind, list, mustBe, object, optional, text, type ParamType } from '../schema/param-type.ts';
import { listOf, NUMBER_RESULT, shape, TEXT_RESULT } from '../schema/results.ts';
import type { MethodContext } from './context.ts';

const PEERS_MAX = 256;
const DELAY_MS_MAX = 60_000;

/** A peer's id, or its address as the devnet prints it. */
const PEER: ParamType<string> = text(
  /^(?:\/.*\/p2p\/)?[1-9A-HJ-NP-Za-km-z]{1,128}$/,
  { what: 'peer', must: "a peer's id, or its address that ends in it" },
  (found) => found.slice(found.lastIndexOf('/') + 1),
);

const RATIO: ParamType<number> = {
  schema: { type: 'number', minimum: 0, maximum: 1 },
  decode(value, index, what = 'ratio') {
    if (typeof value === 'number' && value >= 0 && value <= 1) return value;
    throw mustBe(index, what, 'a number from 0 to 1');
  },
};

const DELAY: ParamType<number> = {
  schema: { ...WHOLE.schema, maximum: DELAY_MS_MAX },
  decode(value, index, what = 'delayMs') {
    const delayMs = WHOLE.decode(value, index, what);
    if (delayMs <= DELAY_MS_MAX) return delayMs;
    throw mustBe(index, what, `at most ${DELAY_MS_MAX}`);
  },
};

const CUT: ParamType<NetworkFaults['cut']> = byKind<NetworkFaults['cut']>(
  [
    (value) => typeof value === 'string',
    text<NetworkFaults['cut']>(/^all$/, { what: 'cut', must: '"all" or a list of peers' }, () => 'all'),
  ],
  [Array.isArray, list(PEER, { what: 'cut', items: 'peer' }, PEERS_MAX)],
);

const FIELDS = { cut: optional(CUT, []), delayMs: optional(DELAY, 0), lossRatio: optional(RATIO, 0) };
const READ: ParamType<NetworkFaults> = object('faults', FIELDS);

/** A misspelt fault would leave the network well without a word. */
const FAULTS: ParamType<NetworkFaults> = {
  schema: { ...READ.schema, additionalProperties: false },
  decode(value, index, what) {
    const unknown = isRecord(value) ? Object.keys(value).find((name) => !Object.hasOwn(FIELDS, name)) : undefined;
    if (unknown !== undefined)
      throw invalidParams(index, `there is no fault \`${unknown}\`: ${Object.keys(FIELDS).join(', ')}`);
    return READ.decode(value, index, what);
  },
};

const FAULTS_RESULT = shape({
  cut: { anyOf: [{ const: 'all' }, listOf(TEXT_RESULT)] },
  delayMs: NUMBER_RESULT,
  lossRatio: NUMBER_RESULT,
});

export function devnetMethods({ node }: MethodContext): MethodTable {
  const faulty = (): Faulty => {
    if (node.faults !== null) return node.faults;
    throw new ParleyError('RPC_UNSUPPORTED', 'this node is of no devnet: it does its network no harm');
  };
  const format = ({ cut, delayMs, lossRatio }: NetworkFaults): JsonObject => ({
    cut: cut === 'all' ? cut : [...cut],
    delayMs,
    lossRatio,
  });
  return {
    devnet_setFaults: define({
      summary: 'Cuts this node off from peers, delays or loses what it hears of them; {} heals all.',
      params: [param('faults', FAULTS)],
      result: FAULTS_RESULT,
      errors: [METHOD_NOT_SUPPORTED],
      handle: ([faults]) => {
        faulty().setFaults(faults);
        return format(faults);
      },
    }),
    devnet_faults: define({
      summary: 'The faults in force.',
      params: [],
      result: FAULTS_RESULT,
      errors: [METHOD_NOT_SUPPORTED],
      handle: () => format(faulty().faults),
    }),
  };
}
