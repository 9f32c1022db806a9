import { decodeFunctionResult, encodeFunctionData, parseAbi, type Abi } from 'viem';
import { decodeRevertReason } from '../../../../src/codec/abi.ts';
import { signDigest } from '../../../../src/crypto/secp256k1.ts';
import { STAKING_ADDRESS } from '../../../../src/execution/rules.ts';
import { STAKING_ABI_TEXT } from '../../../../src/execution/staking/abi.ts';
import { StakingContract } from '../../../../src/execution/staking/contract.ts';
import { beginEpoch } from '../../../../src/execution/staking/epoch.ts';
import { writeGenesisStake } from '../../../../src/execution/staking/genesis.ts';
import { StakingLedger } from '../../../../src/execution/staking/ledger.ts';
import { applyMovements } from '../../../../src/execution/staking/movements.ts';
import { possessionDigest } from '../../../../src/execution/staking/possession.ts';
import { slash } from '../../../../src/execution/staking/slashing.ts';
import type { SystemCallResult } from '../../../../src/execution/system-contracts.ts';
import { StateOverlay } from '../../../../src/state/overlay.ts';
import { EMPTY_ACCOUNT } from '../../../../src/types/account.ts';
import type { Offence } from '../../../../src/types/evidence.ts';
import type { Address, Hex } from '../../../../src/types/primitives.ts';
import type { StakeMovement, StakingRules } from '../../../../src/types/staking.ts';
import { fromHex, toHex } from '../../../../src/util/hex.ts';
import { balanceOf, BENEFICIARY, CHAIN_ID, emptyState, ETHER, GAS_LIMIT, KEYS, type Key } from '../support.ts';

/** Typed for viem: the tests talk to the contract as a wallet would. */
export const VIEM_ABI = parseAbi(STAKING_ABI_TEXT);
/** The same for names that are not known beforehand. */
export const ANY_ABI: Abi = VIEM_ABI;

export const RULES: StakingRules = {
  stakeMinWei: 32n * ETHER,
  ejectionStakeWei: 16n * ETHER,
  delegationMinWei: ETHER,
  doubleSignPenaltyWei: 8n * ETHER,
  surroundPenaltyWei: 12n * ETHER,
  correlationMultiplier: 3,
  reporterQuotient: 8,
  unbondingEpochs: 4,
  jailEpochs: 2,
  churnMin: 1,
  churnQuotient: 4,
};

export const FUNDS = 10_000n * ETHER;
export const STATUS = { pending: 1, active: 2, exiting: 3, exited: 4 } as const;
export const NEVER = 2n ** 64n - 1n;

/** By the validator's key, for the owner. */
export function proofOf(validator: Key, owner: Address, chainId = CHAIN_ID): Hex {
  return toHex(signDigest(possessionDigest(chainId, owner), validator.privateKey));
}

export type Answer = { readonly value: unknown; readonly reason: string | null; readonly result: SystemCallResult };

/** The contract with accounts around it and no blocks: what execution does to it, by hand. */
export class Desk {
  readonly overlay = new StateOverlay(emptyState());
  readonly rules: StakingRules;
  readonly #contract: StakingContract;

  /** `validators`: of genesis, with their stake in wei. */
  constructor(validators: readonly (readonly [Key, bigint])[], rules: Partial<StakingRules> = {}) {
    this.rules = { ...RULES, ...rules };
    this.#contract = new StakingContract(CHAIN_ID, this.rules);
    for (const { address } of KEYS) this.overlay.setAccount(address, { ...EMPTY_ACCOUNT, balance: FUNDS });
    const set = validators.map(([{ address }, power]) => ({ address, power, jailed: false }));
    writeGenesisStake(this.overlay, this.rules, set);
  }

  get ledger(): StakingLedger {
    return new StakingLedger(this.overlay, this.rules);
  }

  /** As a frame of the EVM does it: the value moves first, and a revert takes everything back. */
  send(caller: Address, input: Hex, value = 0n, { isStatic = false, gasLimit = GAS_LIMIT } = {}): SystemCallResult {
    this.overlay.checkpoint();
    this.#move(caller, STAKING_ADDRESS, value);
    const result = this.#contract.call({
      address: STAKING_ADDRESS,
      caller,
      value,
      input: fromHex(input),
      isStatic,
      gasLimit,
      block: {
        number: 1,
        timeMs: 0,
        beneficiary: BENEFICIARY,
        gasLimit: GAS_LIMIT,
        baseFeePerGas: 0n,
        parentHash: `0x${'00'.repeat(32)}`,
      },
      state: this.overlay,
    });
    if (result.status === 'success') this.overlay.commit();
    else this.overlay.revert();
    return result;
  }

  call(caller: Key, functionName: string, args: readonly unknown[], value = 0n): Answer {
    const data = encodeFunctionData({ abi: ANY_ABI, functionName, args });
    const result = this.send(caller.address, data, value);
    const output = toHex(result.output);
    if (result.status === 'reverted') return { value: null, reason: decodeRevertReason(result.output), result };
    return { value: output === '0x' ? null : decode(functionName, output), reason: null, result };
  }

  /** Throws where the call reverts. */
  must(caller: Key, functionName: string, args: readonly unknown[], value = 0n): unknown {
    const { reason, value: returned } = this.call(caller, functionName, args, value);
    if (reason !== null) throw new Error(`${functionName}: ${reason}`);
    return returned;
  }

  info(validator: Key) {
    return this.must(validator, 'validatorInfo', [validator.address]) as {
      owner: Address;
      own: bigint;
      delegated: bigint;
      status: number;
      jailed: boolean;
      commissionBps: number;
      activationEpoch: bigint;
      exitEpoch: bigint;
      withdrawableEpoch: bigint;
      jailedUntilEpoch: bigint;
      rewards: bigint;
      penalties: bigint;
    };
  }

  amount(functionName: 'owed' | 'withdrawable' | 'delegation', validator: Key, who: Key): bigint {
    return this.must(who, functionName, [validator.address, who.address]) as bigint;
  }

  deposit(validator: Key, owner: Key, value = 32n * ETHER, commissionBps = 0): void {
    this.must(owner, 'deposit', [validator.address, proofOf(validator, owner.address), commissionBps], value);
  }

  beginEpoch(epoch: number): void {
    beginEpoch(this.ledger, epoch);
  }

  move(...movements: readonly Partial<StakeMovement>[]): { issued: bigint; destroyed: bigint } {
    const nothing = { rewardWei: 0n, penaltyWei: 0n, jail: false, validator: BENEFICIARY };
    return applyMovements(
      this.ledger,
      movements.map((movement) => ({ ...nothing, ...movement })),
    );
  }

  slash(offender: Key, fields: Partial<Offence> = {}, reporter: Address = BENEFICIARY): bigint {
    return slash(this.ledger, { offender: offender.address, code: 'DOUBLE_VOTE', height: 1, ...fields }, reporter);
  }

  balance(address: Address = STAKING_ADDRESS): bigint {
    return balanceOf(this.overlay, address);
  }

  /** Of the accounts that there are. */
  supply(): bigint {
    const addresses = [...KEYS.map(({ address }) => address), BENEFICIARY, STAKING_ADDRESS];
    return addresses.reduce((sum, address) => sum + this.balance(address), 0n);
  }

  #move(from: Address, to: Address, wei: bigint): void {
    for (const [address, delta] of [
      [from, -wei],
      [to, wei],
    ] as const) {
      const account = this.overlay.account(address) ?? EMPTY_ACCOUNT;
      if (account.balance + delta < 0n) throw new Error(`${address} cannot pay`);
      this.overlay.setAccount(address, { ...account, balance: account.balance + delta });
    }
  }
}

function decode(functionName: string, data: Hex): unknown {
  return decodeFunctionResult({ abi: ANY_ABI, functionName, data });
}
