import { decodeAbi, decodeRevertReason, type AbiValue } from '../codec/abi.ts';
import { STAKING_ADDRESS } from '../execution/rules.ts';
import { STAKING_ABI } from '../execution/staking/abi.ts';
import { stakingCallData } from '../execution/staking/contract.ts';
import type { JsonValue } from '../types/primitives.ts';
import { CodecError, ConfigError, ParleyError } from '../util/errors.ts';
import { fromHex, isHex, toHex } from '../util/hex.ts';
import { isObject, oneLine, quantityOf, StakeRpc, type RpcCall } from './stake-rpc.ts';

export type StakeRead = { readonly name: string; readonly args: readonly AbiValue[] };

/** Of an error, where the call itself failed. */
const REVERTED_CODE = 3;

/** The staking contract of the network behind a node's RPC. */
export class StakeContract {
  readonly rpc: StakeRpc;
  readonly chainId: number;

  private constructor(rpc: StakeRpc, chainId: number) {
    this.rpc = rpc;
    this.chainId = chainId;
  }

  /**
   * `chainId`: the network the user means; undefined: whichever it is. Throws CHAIN_ID_MISMATCH, STAKING_ABSENT where validators do not
   * stake, or what StakeRpc throws.
   */
  static async open(url: string, chainId: number | undefined): Promise<StakeContract> {
    const rpc = new StakeRpc(url);
    const actual = Number(quantityOf(await rpc.call('eth_chainId'), 'chain id'));
    if (chainId !== undefined && chainId !== actual) {
      const message = `the node at ${rpc.origin} is of chain ${actual}, not ${chainId}; see --rpc and --chain-id`;
      throw new ParleyError('CHAIN_ID_MISMATCH', message, { expected: chainId, actual });
    }
    const contract = new StakeContract(rpc, actual);
    if (!(await contract.#isThere())) throw await contract.#absent();
    return contract;
  }

  /** Return values of views, all as of one block. Throws STAKE_REFUSED with the contract's reason, or what StakeRpc throws. */
  async read(reads: readonly StakeRead[], block: string): Promise<readonly (readonly AbiValue[])[]> {
    const calls = reads.map(({ name, args }): RpcCall => ({
      method: 'eth_call',
      params: [this.#request(name, args), block],
    }));
    const answers = await reasoned(() => this.rpc.callAll(calls));
    return answers.map((answer, index) => returned(reads[index]?.name ?? '', answer));
  }

  async head(): Promise<string> {
    return `0x${quantityOf(await this.rpc.call('eth_blockNumber'), 'block number').toString(16)}`;
  }

  #request(name: string, args: readonly AbiValue[]): { readonly to: string; readonly data: string } {
    return { to: STAKING_ADDRESS, data: toHex(stakingCallData(name, args)) };
  }

  /** A view without arguments always answers. Where there is no contract the call gives nothing, or fails as a system address does. */
  async #isThere(): Promise<boolean> {
    try {
      return (await this.rpc.call('eth_call', this.#request('epoch', []), 'latest')) !== '0x';
    } catch (error) {
      if (error instanceof ParleyError && error.data['code'] === REVERTED_CODE) return false;
      throw error;
    }
  }

  async #absent(): Promise<ParleyError> {
    const status = await this.rpc.call('consensus_status').catch(() => null);
    const engine = isObject(status) && typeof status['engine'] === 'string' ? ` (${oneLine(status['engine'])})` : '';
    const message = `validators do not stake on the network at ${this.rpc.origin}${engine}; pos and dpos have stake`;
    return new ParleyError('STAKING_ABSENT', message);
  }
}

/** Turns the error of a call that reverts into STAKE_REFUSED, with the reason that the contract gave. */
export async function reasoned<Result>(ask: () => Promise<Result>): Promise<Result> {
  try {
    return await ask();
  } catch (error) {
    const reason = error instanceof ParleyError ? revertReason(error) : null;
    if (reason === null) throw error;
    throw new ParleyError('STAKE_REFUSED', oneLine(reason), {}, { cause: error });
  }
}

function revertReason({ code, data }: ParleyError): string | null {
  const output = data['data'];
  return code === 'RPC_REFUSED' && isHex(output) ? decodeRevertReason(fromHex(output)) : null;
}

function returned(name: string, answer: JsonValue): readonly AbiValue[] {
  const item = STAKING_ABI.find((other) => other.type === 'function' && other.name === name);
  if (item?.type !== 'function') throw new ConfigError(`the staking contract has no function ${name}`);
  try {
    if (isHex(answer)) return decodeAbi(item.outputs, fromHex(answer));
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
  }
  throw new ParleyError(
    'RPC_ANSWER_MALFORMED',
    `what the node returns for ${name} is not what its staking contract has`,
  );
}
