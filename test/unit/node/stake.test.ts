import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { encodeAbi, encodeRevertReason } from '../../../src/codec/abi.ts';
import { recoverTransaction } from '../../../src/codec/transaction.ts';
import { randomPrivateKey } from '../../../src/crypto/secp256k1.ts';
import { STAKING_ADDRESS } from '../../../src/execution/rules.ts';
import { stakingCallData } from '../../../src/execution/staking/contract.ts';
import {
  coinsText,
  commissionText,
  stakeAddress,
  stakeAmount,
  stakeCommission,
} from '../../../src/node/stake-amount.ts';
import { reasoned, StakeContract } from '../../../src/node/stake-contract.ts';
import { senderKey, validatorKey } from '../../../src/node/stake-keys.ts';
import { StakeRpc } from '../../../src/node/stake-rpc.ts';
import { sendStake } from '../../../src/node/stake-send.ts';
import { createKeyFile } from '../../../src/node/key-file.ts';
import { fromHex, toHex } from '../../../src/util/hex.ts';

type Answer = { readonly result: unknown } | { readonly error: { code: number; message: string; data?: string } };
/** Of a method; what is not there is unknown to the node. null: it hangs up. */
type Methods = { readonly [method: string]: (params: readonly unknown[]) => Answer | null };
type Request = { readonly id: number; readonly method: string; readonly params: readonly unknown[] };

const VALIDATOR = '0x8c8d35429f74ec245f8ef2f4fd1e551cff97d650';
/** Of what account 0 sends to the node below. */
const HASH = '0x96be35816f8ae2f07ec24a28e36bc87f1e6ff50554f25516364033e72af10469';
const WORD_ONE = toHex(encodeAbi([{ type: 'uint256' }], [1n]));
const directory = mkdtempSync(join(tmpdir(), 'parley-stake-'));
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** URL of a server that answers with that text, or as a node with these methods. */
async function serve(answers: string | Methods): Promise<string> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      if (typeof answers === 'string') return response.end(answers);
      const asked = JSON.parse(body) as Request | Request[];
      const unknown = ({ method }: Request): Answer => ({ error: { code: -32601, message: `no method\n${method}` } });
      const answerOf = (one: Request) => (answers[one.method] ?? (() => unknown(one)))(one.params);
      const all = (Array.isArray(asked) ? asked : [asked]).map((one) => ({ id: one.id, answer: answerOf(one) }));
      if (all.some(({ answer }) => answer === null)) return response.destroy();
      const told = all.map(({ id, answer }) => ({ id, ...answer })).reverse();
      return response.end(JSON.stringify(Array.isArray(asked) ? told : told[0]));
    });
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const reverted = (reason: string): Answer => ({
  error: { code: 3, message: 'execution reverted', data: toHex(encodeRevertReason(reason)) },
});

/** A node with stake, on which a deposit goes through. */
function nodeWith(changes: Methods = {}): Methods {
  return {
    eth_chainId: () => ({ result: '0x7a69' }),
    eth_blockNumber: () => ({ result: '0x10' }),
    eth_call: () => ({ result: WORD_ONE }),
    eth_estimateGas: () => ({ result: '0x186a0' }),
    eth_getBlockByNumber: () => ({ result: { baseFeePerGas: '0x7' } }),
    eth_getTransactionCount: () => ({ result: '0x5' }),
    eth_sendRawTransaction: () => ({ result: `0x${'ab'.repeat(32)}` }),
    eth_getTransactionReceipt: () => ({
      result: { status: '0x1', blockNumber: '0x11', gasUsed: '0x186a0', effectiveGasPrice: '0x2', logs: [] },
    }),
    ...changes,
  };
}

describe('amounts on the command line', () => {
  it('are coins, to the last of eighteen decimals', () => {
    expect(stakeAmount('32', '--amount')).toBe(32n * 10n ** 18n);
    expect(stakeAmount('0.000000000000000001', '--amount')).toBe(1n);
    expect(coinsText(32n * 10n ** 18n + 1n)).toBe('32.000000000000000001');
    expect(coinsText(1_500_000_000_000_000_000n, 6)).toBe('1.5');
    expect(coinsText(999_999_999_999n, 6)).toBe('0');
  });

  it.each(['', '-1', '1e3', '1,5', '.5', '5.', '0x20', ' 1', 'all'])('refuse %j', (text) => {
    expect(() => stakeAmount(text, '--amount')).toThrow(/^--amount .*expected coins/);
  });

  it('say so where there are too many decimals', () => {
    expect(() => stakeAmount('1.0000000000000000001', '--amount')).toThrow(/19 decimals are too many, a coin has 18/);
  });

  it('are percentages to two decimals for a commission', () => {
    expect(['5%', '5', '0.25%', '100%', '0'].map(stakeCommission)).toEqual([500, 500, 25, 10_000, 0]);
    expect([500, 25, 10_000].map(commissionText)).toEqual(['5%', '0.25%', '100%']);
    for (const text of ['100.01%', '101', '1.234%', '-1%', '%', '']) {
      expect(() => stakeCommission(text)).toThrow(/from 0% to 100%/);
    }
  });

  it('name addresses in any spelling but one with a wrong checksum', () => {
    expect(stakeAddress('0x8C8d35429F74ec245F8Ef2f4Fd1e551cFF97d650', '<validator>')).toBe(VALIDATOR);
    expect(stakeAddress(VALIDATOR, '<validator>')).toBe(VALIDATOR);
    expect(() => stakeAddress('0x8c8d35429F74ec245F8Ef2f4Fd1e551cFF97d650', '<validator>')).toThrow(
      /checksum is wrong/,
    );
    for (const text of ['', 'vitalik.eth', VALIDATOR.slice(2), `${VALIDATOR}0`]) {
      expect(() => stakeAddress(text, '<validator>')).toThrow(/expected an address/);
    }
  });
});

describe('keys on the command line', () => {
  it('are accounts and validators of the phrase of a devnet', async () => {
    expect((await senderKey({ account: 0 })).address).toBe('0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266');
    expect((await senderKey({ asValidator: 0 })).address).toBe(VALIDATOR);
    expect((await validatorKey({ validatorIndex: 0 })).address).toBe(VALIDATOR);
    await expect(senderKey({ account: 10_000 })).rejects.toThrow(/--account 10000: expected 0 to 9999/);
    await expect(senderKey({ account: 0, mnemonic: 'test test' })).rejects.toThrow(/not a valid BIP-39 phrase/);
  });

  it('are of key files, with the password in a file', async () => {
    const [out, passwordFile] = [join(directory, 'key.json'), join(directory, 'password')];
    writeFileSync(passwordFile, 'secret\n');
    const address = await createKeyFile(out, randomPrivateKey(), 'secret');
    expect((await senderKey({ keystore: out, passwordFile })).address).toBe(address);
    const validator = { validatorKeystore: out, validatorPasswordFile: passwordFile };
    expect((await validatorKey(validator)).address).toBe(address);
    await expect(senderKey({ keystore: out })).rejects.toThrow(/--password-file is missing/);
    await expect(senderKey({ keystore: `${out}x`, passwordFile })).rejects.toThrow(/cannot read the key file/);
  });

  it('are of a phrase in a file', async () => {
    const mnemonicFile = join(directory, 'phrase');
    writeFileSync(mnemonicFile, 'test test test test test test test test test test test junk\n');
    expect((await senderKey({ account: 0, mnemonicFile })).address).toBe('0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266');
    expect((await validatorKey({ validatorIndex: 0, mnemonicFile })).address).toBe(VALIDATOR);
    await expect(senderKey({ account: 0, mnemonicFile, mnemonic: 'x' })).rejects.toThrow(/name the phrase once/);
    await expect(senderKey({ account: 0, mnemonicFile: `${mnemonicFile}x` })).rejects.toThrow(
      /^--mnemonic-file: cannot/,
    );
    const [keystore, passwordFile] = ['key.json', 'password'];
    for (const phrase of [{ mnemonicFile }, { mnemonic: 'secret words' }]) {
      const unused = senderKey({ keystore, passwordFile, ...phrase });
      await expect(unused).rejects.toThrow(/^a phrase goes with --account.*not with a key file$/);
      const other = validatorKey({ validatorKeystore: keystore, validatorPasswordFile: passwordFile, ...phrase });
      await expect(other).rejects.toThrow(/not with a key file$/);
      // It is the validator's.
      const used = senderKey({ keystore, passwordFile, validatorIndex: 0, ...phrase });
      await expect(used).rejects.toThrow(/cannot read the key file/);
    }
  });

  it('are named exactly once', async () => {
    for (const options of [{}, { account: 0, asValidator: 0 }, { keystore: 'key.json', account: 0 }]) {
      await expect(senderKey(options)).rejects.toThrow(/name who sends, once/);
    }
    await expect(validatorKey({})).rejects.toThrow(/name the validator's key, once/);
  });
});

describe('a node asked by the command line', () => {
  const refusal = (code: string, says: RegExp) => ({ code, message: expect.stringMatching(says) as string });

  it('is one of HTTP', () => {
    for (const url of ['', 'localhost:8545', 'ws://127.0.0.1:8545', 'file:///etc/passwd']) {
      expect(() => new StakeRpc(url)).toThrow(/expected http:\/\/host:port/);
    }
  });

  it('is shown without what may be secret in its address', async () => {
    for (const url of ['http://name:secret@127.0.0.1:1', 'ws://127.0.0.1/secret', 'secret']) {
      expect(() => new StakeRpc(url)).toThrow(/^--rpc: expected (?!.*secret)/);
    }
    const errorOf = (url: string) => StakeContract.open(`${url}/v3/secret?key=secret`, 1).then(() => '', String);
    const urls = ['http://127.0.0.1:1', await serve('<html>'), await serve({}), await serve(nodeWith())];
    for (const url of [...urls, await serve(nodeWith({ eth_call: () => ({ result: '0x' }) }))]) {
      const text = await errorOf(url);
      expect(text).toContain(url);
      expect(text).not.toContain('secret');
    }
  });

  it('cannot write what it likes to the terminal', async () => {
    const message = '\u001b[2J\u0007paid\u202e in\u0000full';
    const raw = await serve({ eth_chainId: () => ({ error: { code: 1, message } }) });
    await expect(StakeContract.open(raw, 1)).rejects.toThrow(/says: \[2J paid in full$/);
    const reasons: Methods = { eth_call: () => reverted(message), eth_chainId: () => ({ result: '0x1' }) };
    const refusing = new StakeRpc(await serve(reasons));
    await expect(reasoned(() => refusing.call('eth_call'))).rejects.toThrow(/^\[2J paid in full$/);
  });

  it('that does not answer, or answers something else, is told from one that refuses', async () => {
    const gone = StakeContract.open('http://127.0.0.1:1', undefined);
    await expect(gone).rejects.toMatchObject(refusal('RPC_UNREACHABLE', /no node answers at http:\/\/127.0.0.1:1 \(/));
    for (const text of ['<html>', '[]', '{}', 'null', '{"id":0}', '{"id":7,"result":"0x1"}', '{"id":0,"result":"x"}']) {
      const other = StakeContract.open(await serve(text), undefined);
      await expect(other).rejects.toMatchObject({ code: 'RPC_ANSWER_MALFORMED' });
    }
    const refused = StakeContract.open(await serve({}), undefined);
    await expect(refused).rejects.toMatchObject(refusal('RPC_REFUSED', /says: no method eth_chainId$/));
  });

  it('of another chain, or without stake, is refused', async () => {
    const url = await serve(nodeWith());
    expect((await StakeContract.open(url, 31337)).chainId).toBe(31337);
    await expect(StakeContract.open(url, 1)).rejects.toMatchObject(refusal('CHAIN_ID_MISMATCH', /chain 31337, not 1/));
    const poa = nodeWith({
      eth_call: () => ({ result: '0x' }),
      consensus_status: () => ({ result: { engine: 'poa' } }),
    });
    const absent = StakeContract.open(await serve(poa), undefined);
    await expect(absent).rejects.toMatchObject(refusal('STAKING_ABSENT', /do not stake .*\(poa\); pos and dpos/));
    const reverting = nodeWith({ eth_call: () => ({ error: { code: 3, message: 'execution reverted', data: '0x' } }) });
    const ours = StakeContract.open(await serve(reverting), undefined);
    await expect(ours).rejects.toMatchObject({ code: 'STAKING_ABSENT' });
  });

  it('gives what views return, in order, or the reason why not', async () => {
    const contract = await StakeContract.open(await serve(nodeWith()), undefined);
    const reads = ['epoch', 'validatorCount'].map((name) => ({ name, args: [] }));
    expect(await contract.read(reads, 'latest')).toEqual([[1n], [1n]]);
    const many = Array.from({ length: 1200 }, () => ({ name: 'epoch', args: [] }));
    expect(await contract.read(many, 'latest')).toHaveLength(1200);
    const wrong = contract.read([{ name: 'validatorInfo', args: [VALIDATOR] }], 'latest');
    await expect(wrong).rejects.toMatchObject({ code: 'RPC_ANSWER_MALFORMED' });
    const calls: Answer[] = [{ result: WORD_ONE }, reverted('VALIDATOR_UNKNOWN: nobody deposited for it')];
    const refusing = nodeWith({ eth_call: () => calls.shift() ?? { result: '0x' } });
    const unknown = (await StakeContract.open(await serve(refusing), undefined)).read(reads.slice(0, 1), 'latest');
    await expect(unknown).rejects.toMatchObject(refusal('STAKE_REFUSED', /^VALIDATOR_UNKNOWN: nobody/));
  });
});

describe('a transaction of the command line', () => {
  const call = { name: 'delegate', args: [VALIDATOR], valueWei: 3n };

  async function send(changes: Methods, timeoutMs = 5_000) {
    const contract = await StakeContract.open(await serve(nodeWith(changes)), undefined);
    return sendStake(contract, await senderKey({ account: 0 }), { call, timeoutMs });
  }

  it('is signed for the chain and the contract, with room for gas and fees', async () => {
    const sent: string[] = [];
    const receipts: Answer[] = [{ result: null }];
    const receipt = await send({
      eth_sendRawTransaction: ([raw]) => ({ result: (sent.push(raw as string), `0x${'ab'.repeat(32)}`) }),
      eth_getTransactionReceipt: (params) =>
        receipts.shift() ?? nodeWith()['eth_getTransactionReceipt']?.(params) ?? { result: null },
    });
    expect(receipt).toMatchObject({ blockNumber: 17, gasUsed: 100_000n, feeWei: 200_000n });
    const transaction = recoverTransaction(fromHex(sent[0] as `0x${string}`));
    expect(transaction).toMatchObject({
      type: 2,
      chainId: 31337,
      nonce: 5,
      gasLimit: 150_000,
      maxFeePerGas: 1_000_000_014n,
      to: STAKING_ADDRESS,
      value: 3n,
      sender: '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266',
    });
    expect(toHex(transaction.data)).toBe(toHex(stakingCallData('delegate', [VALIDATOR])));
  });

  it('is not sent where the contract would refuse it', async () => {
    const never = (): never => {
      throw new Error('sent');
    };
    const refused = send({
      eth_estimateGas: () => reverted('DELEGATION_BELOW_MINIMUM: delegate at least 1 coins'),
      eth_sendRawTransaction: never,
    });
    await expect(refused).rejects.toMatchObject({
      code: 'STAKE_REFUSED',
      message: 'DELEGATION_BELOW_MINIMUM: delegate at least 1 coins',
    });
  });

  it('that fails in its block says why, as far as that can be known', async () => {
    const failed = { status: '0x0', blockNumber: '0x11', gasUsed: '0x186a0', effectiveGasPrice: '0x2', logs: [] };
    const calls: Answer[] = [{ result: WORD_ONE }];
    const why = send({
      eth_getTransactionReceipt: () => ({ result: failed }),
      eth_call: () => calls.shift() ?? reverted('VALIDATOR_LEAVING: it is on its way out'),
    });
    await expect(why).rejects.toThrow(/failed in block 17 and cost its gas: VALIDATOR_LEAVING: it is on its way out/);
    const unclear = send({ eth_getTransactionReceipt: () => ({ result: failed }) });
    await expect(unclear).rejects.toThrow(/ran out of gas, or what came before it/);
  });

  it('is waited for no longer than asked', async () => {
    const late = send({ eth_getTransactionReceipt: () => ({ result: null }) }, 300);
    await expect(late).rejects.toMatchObject({ code: 'RECEIPT_LATE', data: { hash: HASH } });
  });

  it('is named in every error from its sending on, whatever the node says', async () => {
    const advice = new RegExp(`; sent as ${HASH}; look it up before sending again$`);
    const ruined: readonly Methods[] = [
      { eth_sendRawTransaction: () => ({ error: { code: -32000, message: 'already known' } }) },
      { eth_getTransactionReceipt: () => ({ error: { code: -32000, message: 'try later' } }) },
      { eth_getTransactionReceipt: () => ({ result: { status: '0x1', blockNumber: 'x' } }) },
      { eth_getTransactionReceipt: () => ({ result: { status: '0x0', blockNumber: 'x' } }) },
    ];
    for (const changes of ruined) {
      const error = await send(changes).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ message: expect.stringMatching(advice) as string, data: { hash: HASH } });
    }
  });

  it('is waited for while the node does not answer', async () => {
    let hangUps = 2;
    const receipt = await send({
      eth_getTransactionReceipt: (params) =>
        hangUps-- > 0 ? null : (nodeWith()['eth_getTransactionReceipt']?.(params) ?? null),
    });
    expect(receipt).toMatchObject({ hash: HASH, blockNumber: 17 });
    const gone = send({ eth_getTransactionReceipt: () => null }, 300);
    await expect(gone).rejects.toMatchObject({ code: 'RPC_UNREACHABLE', data: { hash: HASH } });
  });
});
