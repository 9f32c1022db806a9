import type { EngineCrypto, EngineFactory } from '../../consensus/api/engine.ts';
import { headerHash, sealHash } from '../codec/block.ts';
import { messageDigest, type MessageContext } from '../codec/message.ts';
import { keccak256 } from '../crypto/keccak.ts';
import { recoverAddress } from '../crypto/secp256k1.ts';
import { sha256 } from '../crypto/sha256.ts';
import type { BoundStaking, ConsensusRules } from '../execution/rules.ts';

/** The pure functions an engine may call inside `step`. */
export function engineCrypto(context: MessageContext): EngineCrypto {
  return {
    keccak256,
    sha256,
    recover: recoverAddress,
    headerHash,
    sealHash,
    messageDigest: (payload) => messageDigest(context, payload),
  };
}

/** An engine's pure side with its parameters bound, as execution wants it. */
export function engineRules<P>(factory: EngineFactory<P>, params: P, context: MessageContext): ConsensusRules {
  const crypto = engineCrypto(context);
  const { chainId, shard } = context;
  const staking = stakingRules(factory, params);
  return {
    ...(staking === undefined ? {} : { staking }),
    advance: (before, header, author) => factory.advance(params, before, header, author),
    judge: (evidence) => factory.judge(params, evidence, crypto, { chainId, shard }),
    blockReward: (height) => factory.blockReward(params, height),
  };
}

/** Its part of staking, which does not depend on the network: genesis is made with it. undefined: its validators do not stake. */
export function stakingRules<P>(factory: EngineFactory<P>, params: P): BoundStaking | undefined {
  const { staking } = factory;
  if (staking === undefined) return undefined;
  return {
    rules: staking.rules(params),
    genesis: (genesis) => staking.genesis(params, genesis),
    settle: (before, block) => staking.settle(params, before, block, { keccak256, sha256 }),
    elect: (candidates, before, epoch) => staking.elect(params, candidates, before, epoch),
  };
}
