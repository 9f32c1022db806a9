/** wallet_: what personal_ does not tell of the keystore accounts. */
import type { WalletApi } from '../../src/node/api.ts';
import type { JsonValue } from '../../src/types/primitives.ts';
import { METHOD_NOT_SUPPORTED } from '../errors.ts';
import { define, type MethodTable } from '../method.ts';
import { ADDRESS_RESULT, FLAG_RESULT, listOf, orNull, shape, TEXT_RESULT } from '../schema/results.ts';
import type { MethodContext } from './context.ts';
import { walletOf } from './personal.ts';

const STATUS_RESULT = shape({
  accounts: listOf(
    shape({ address: ADDRESS_RESULT, status: { enum: ['locked', 'unlocked'] }, until: orNull(TEXT_RESULT) }),
  ),
});

export function walletMethods({ node }: MethodContext): MethodTable {
  return {
    wallet_status: define({
      summary: 'Which accounts are unlocked, and until when.',
      params: [],
      result: STATUS_RESULT,
      handle: () => ({ accounts: status(node.wallet) }),
    }),
    wallet_lockAll: define({
      summary: 'Locks all accounts.',
      params: [],
      result: FLAG_RESULT,
      errors: [METHOD_NOT_SUPPORTED],
      handle: () => {
        walletOf(node.wallet).lockAll();
        return true;
      },
    }),
  };
}

/** `until`: in ISO 8601; null: locked, or unlocked for as long as the node runs. */
function status(wallet: WalletApi | null): JsonValue {
  const accounts = wallet?.accounts() ?? [];
  return accounts.map(({ address, isUnlocked, untilMs }) => ({
    address,
    status: isUnlocked ? 'unlocked' : 'locked',
    until: untilMs === null ? null : new Date(untilMs).toISOString(),
  }));
}
