import type { AbiValue } from '../codec/abi.ts';
import { toChecksumAddress } from '../crypto/checksum.ts';
import type { Address, JsonObject, JsonValue } from '../types/primitives.ts';
import { coinsText, commissionText, stakeAddress } from './stake-amount.ts';
import type { NetworkOptions } from './stake-command.ts';
import { StakeContract, type StakeRead } from './stake-contract.ts';

type Row = {
  readonly validator: Address;
  readonly owner: Address;
  readonly ownWei: bigint;
  readonly delegatedWei: bigint;
  readonly status: string;
  readonly jailed: boolean;
  readonly commissionBps: number;
  readonly activationEpoch: number | null;
  readonly exitEpoch: number | null;
  readonly withdrawableEpoch: number | null;
  readonly jailedUntilEpoch: number;
  readonly rewardsWei: bigint;
  readonly penaltiesWei: bigint;
};

const STATUSES = ['unknown', 'pending', 'active', 'exiting', 'exited'];
const NEVER = 2n ** 64n - 1n;
/** Enough to see an epoch's wages. */
const TABLE_DECIMALS = 6;

/** `parley stake show`. Throws ConfigError, or what StakeContract throws. */
export async function showStake(validatorText: string | undefined, options: NetworkOptions): Promise<void> {
  const one = validatorText === undefined ? null : stakeAddress(validatorText, '<validator>');
  const contract = await StakeContract.open(options.rpc, options.chainId);
  const block = await contract.head();
  const [[epoch], [count]] = (await contract.read([view('epoch'), view('validatorCount')], block)) as [
    [bigint],
    [bigint],
  ];
  const addresses = one === null ? await addressesOf(contract, Number(count), block) : [one];
  const infos = await contract.read(
    addresses.map((address) => view('validatorInfo', address)),
    block,
  );
  const rows = addresses.map((address, index) => rowOf(address, infos[index]?.[0] as readonly AbiValue[]));
  if (options.json === true) {
    const all = { block: Number(block), epoch: Number(epoch), validators: rows.map(jsonOf) };
    process.stdout.write(`${JSON.stringify(all)}\n`);
    return;
  }
  process.stdout.write(`Block ${Number(block)}, epoch ${epoch}; amounts in coins\n\n`);
  const [first] = rows;
  process.stdout.write(one !== null && first !== undefined ? detail(first) : table(rows));
}

/** `parley stake owed`: what one has with a validator, and when it can be had. Throws as `showStake`. */
export async function showOwed(validatorText: string, whoText: string, options: NetworkOptions): Promise<void> {
  const pair = [stakeAddress(validatorText, '<validator>'), stakeAddress(whoText, '<address>')];
  const contract = await StakeContract.open(options.rpc, options.chainId);
  const block = await contract.head();
  const names = ['owed', 'delegation', 'unbonding', 'withdrawable'];
  const reads = [...names.map((name) => view(name, ...pair)), view('epoch')];
  const [owed, delegation, unbonding, withdrawable, epoch] = (await contract.read(reads, block)) as [
    [bigint],
    [bigint],
    [bigint, bigint],
    [bigint],
    [bigint],
  ];
  const amounts = { owed: owed[0], delegated: delegation[0], unbonding: unbonding[0], withdrawable: withdrawable[0] };
  if (options.json === true) {
    const texts = Object.entries(amounts).map(([name, wei]) => [name, wei.toString()]);
    const all = { ...Object.fromEntries(texts), unbondedEpoch: Number(unbonding[1]), epoch: Number(epoch[0]) };
    process.stdout.write(`${JSON.stringify(all)}\n`);
    return;
  }
  const when = unbonding[0] === 0n ? '' : `, all of it from epoch ${unbonding[1]} on`;
  process.stdout.write(
    lines([
      ['owed', `${coinsText(amounts.owed)} coins`],
      ['delegated', coinsText(amounts.delegated)],
      ['unbonding', `${coinsText(amounts.unbonding)}${when}`],
      ['withdrawable', `${coinsText(amounts.withdrawable)} now, in epoch ${epoch[0]}`],
    ]),
  );
}

function view(name: string, ...args: readonly AbiValue[]): StakeRead {
  return { name, args };
}

async function addressesOf(contract: StakeContract, count: number, block: string): Promise<readonly Address[]> {
  const reads = Array.from({ length: count }, (_, index) => view('validatorAt', BigInt(index)));
  return (await contract.read(reads, block)).map(([address]) => address as Address);
}

function rowOf(validator: Address, info: readonly AbiValue[]): Row {
  const [owner, own, delegated, status, jailed, commission, ...rest] = info;
  const [activation, exit, withdrawable, jailedUntil, rewards, penalties] = rest as readonly bigint[];
  return {
    validator,
    owner: owner as Address,
    ownWei: own as bigint,
    delegatedWei: delegated as bigint,
    status: STATUSES[Number(status)] ?? 'unknown',
    jailed: jailed as boolean,
    commissionBps: Number(commission),
    activationEpoch: epochOf(activation),
    exitEpoch: epochOf(exit),
    withdrawableEpoch: epochOf(withdrawable),
    jailedUntilEpoch: Number(jailedUntil),
    rewardsWei: rewards ?? 0n,
    penaltiesWei: penalties ?? 0n,
  };
}

function epochOf(value: bigint | undefined): number | null {
  return value === undefined || value === NEVER ? null : Number(value);
}

function jsonOf(row: Row): JsonObject {
  const { ownWei, delegatedWei, rewardsWei, penaltiesWei, ...rest } = row;
  const amounts: { readonly [name: string]: JsonValue } = {
    own: ownWei.toString(),
    delegated: delegatedWei.toString(),
    rewards: rewardsWei.toString(),
    penalties: penaltiesWei.toString(),
  };
  return { ...rest, ...amounts };
}

/** With the epoch that matters next. */
function statusText({ status, jailed, jailedUntilEpoch, withdrawableEpoch }: Row): string {
  const when = status === 'exited' && withdrawableEpoch !== null ? `, free from epoch ${withdrawableEpoch}` : '';
  return `${status}${jailed ? `, jailed until epoch ${jailedUntilEpoch}` : ''}${when}`;
}

function table(rows: readonly Row[]): string {
  const head = ['Validator', 'Owner', 'Own', 'Delegated', 'Status', 'Commission', 'Rewards', 'Penalties'];
  const cells = rows.map((row) => [
    toChecksumAddress(row.validator),
    row.owner === row.validator ? '(itself)' : toChecksumAddress(row.owner),
    coinsText(row.ownWei, TABLE_DECIMALS),
    coinsText(row.delegatedWei, TABLE_DECIMALS),
    statusText(row),
    commissionText(row.commissionBps),
    coinsText(row.rewardsWei, TABLE_DECIMALS),
    coinsText(row.penaltiesWei, TABLE_DECIMALS),
  ]);
  return lines([head, ...cells]);
}

function detail(row: Row): string {
  return lines([
    ['validator', toChecksumAddress(row.validator)],
    ['owner', row.owner === row.validator ? '(itself)' : toChecksumAddress(row.owner)],
    ['own', coinsText(row.ownWei)],
    ['delegated', coinsText(row.delegatedWei)],
    ['status', statusText(row)],
    ['commission', commissionText(row.commissionBps)],
    ['rewards', coinsText(row.rewardsWei)],
    ['penalties', coinsText(row.penaltiesWei)],
    ['active since', epochText(row.activationEpoch)],
    ['exited', epochText(row.exitEpoch)],
    ['withdrawable', epochText(row.withdrawableEpoch)],
  ]);
}

function epochText(epoch: number | null): string {
  return epoch === null ? '-' : `epoch ${epoch}`;
}

/** Columns side by side, each as wide as its widest cell. */
function lines(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
