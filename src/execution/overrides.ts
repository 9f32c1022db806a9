import type { AccountOverride, BlockOverride, Overrides } from '../node/api.ts';
import { StateOverlay } from '../state/overlay.ts';
import { EMPTY_ACCOUNT } from '../types/account.ts';
import type { Header } from '../types/block.ts';
import type { Address } from '../types/primitives.ts';
import type { CallState } from './call.ts';

/** The block and state as the call wants to find them; what is beneath stays as it is. */
export function overridden(at: CallState, { accounts = new Map(), block = {} }: Overrides): CallState {
  if (accounts.size === 0) return { ...at, header: overriddenHeader(at.header, block) };
  const state = new StateOverlay(at.state);
  overrideAccounts(state, accounts);
  return { ...at, header: overriddenHeader(at.header, block), state };
}

function overriddenHeader(header: Header, block: BlockOverride): Header {
  return { ...header, ...block };
}

export function overrideAccounts(overlay: StateOverlay, accounts: ReadonlyMap<Address, AccountOverride>): void {
  for (const [address, override] of accounts) overrideAccount(overlay, address, override);
}

function overrideAccount(overlay: StateOverlay, address: Address, override: AccountOverride): void {
  const before = overlay.account(address) ?? EMPTY_ACCOUNT;
  const { balance = before.balance, nonce = before.nonce, code, state, stateDiff } = override;
  overlay.setAccount(address, { ...before, balance, nonce });
  if (code !== undefined) overlay.setCode(address, code);
  if (state !== undefined) overlay.clearStorage(address);
  for (const [slot, word] of state ?? stateDiff ?? []) overlay.setStorage(address, slot, word);
}
