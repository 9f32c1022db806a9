import type { MethodTable } from '../method.ts';
import { accountMethods } from './accounts.ts';
import { adminMethods } from './admin.ts';
import { consensusMethods } from './consensus.ts';
import type { MethodContext } from './context.ts';
import { debugMethods } from './debug.ts';
import { debugTraceMethods } from './debug-trace.ts';
import { devnetMethods } from './devnet.ts';
import { ethBlockMethods } from './eth-block.ts';
import { ethCallMethods } from './eth-call.ts';
import { ethChainMethods } from './eth-chain.ts';
import { ethFeesMethods } from './eth-fees.ts';
import { ethFillMethods } from './eth-fill.ts';
import { ethLogsMethods } from './eth-logs.ts';
import { ethSimulateMethods } from './eth-simulate.ts';
import { ethStateMethods } from './eth-state.ts';
import { ethSubscribeMethods } from './eth-subscribe.ts';
import { ethTransactionMethods } from './eth-transaction.ts';
import { netMethods } from './net.ts';
import { personalMethods } from './personal.ts';
import { rpcMethods, type Directory } from './rpc.ts';
import { txpoolMethods } from './txpool.ts';
import { walletMethods } from './wallet.ts';
import { web3Methods } from './web3.ts';

/** Every method there is. */
export function allMethods(context: MethodContext, directory: Directory): readonly MethodTable[] {
  return [
    ethChainMethods(context),
    ethBlockMethods(context),
    ethStateMethods(context),
    ethTransactionMethods(context),
    ethCallMethods(context),
    ethSimulateMethods(context),
    ethFillMethods(context),
    ethFeesMethods(context),
    ethLogsMethods(context),
    ethSubscribeMethods(context),
    accountMethods(context),
    personalMethods(context),
    walletMethods(context),
    netMethods(context),
    web3Methods(context),
    txpoolMethods(context),
    adminMethods(context),
    consensusMethods(context),
    debugMethods(context),
    debugTraceMethods(context),
    devnetMethods(context),
    rpcMethods(context, directory),
  ];
}
