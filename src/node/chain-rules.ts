import { crc32 } from 'node:zlib';
import { PRECOMPILES } from '../execution/precompiles.ts';
import { CONSENSUS_ADDRESS, STAKING_ADDRESS } from '../execution/rules.ts';
import type { SystemContracts } from '../execution/system-contracts.ts';
import type { Address, Hash } from '../types/primitives.ts';
import { fromHex } from '../util/hex.ts';
import type { ChainRules } from './api.ts';

/** There are no forks: the fork hash of EIP-2124 is that of the genesis block alone. */
export function chainRules(genesis: Hash, contracts: SystemContracts | undefined): ChainRules {
  const systemContracts = new Map<string, Address>([['CONSENSUS_ADDRESS', CONSENSUS_ADDRESS]]);
  if (contracts?.has(STAKING_ADDRESS) === true) systemContracts.set('STAKING_ADDRESS', STAKING_ADDRESS);
  const forkHash = crc32(fromHex(genesis)).toString(16).padStart(8, '0');
  return { forkHash: `0x${forkHash}`, precompiles: PRECOMPILES, systemContracts };
}
