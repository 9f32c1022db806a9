import type { MethodTable } from '../router.ts';
import { method } from '../router.ts';
import { accountMethods } from './accounts.ts';
import { adminMethods } from './admin.ts';
import { consensusMethods } from './consensus.ts';
import type { MethodContext } from './context.ts';
import { ethBlockMethods } from './eth-block.ts';
import { ethCallMethods } from './eth-call.ts';
import { ethChainMethods } from './eth-chain.ts';
import { ethFeesMethods } from './eth-fees.ts';
import { ethLogsMethods } from './eth-logs.ts';
import { ethStateMethods } from './eth-state.ts';
import { ethSubscribeMethods } from './eth-subscribe.ts';
import { ethTransactionMethods } from './eth-transaction.ts';
import { netMethods } from './net.ts';
import { txpoolMethods } from './txpool.ts';
import { web3Methods } from './web3.ts';

/** Every method there is. `namespaces`: those that are open, for rpc_modules. */
export function allMethods(context: MethodContext, namespaces: () => readonly string[]): readonly MethodTable[] {
  return [
    ethChainMethods(context),
    ethBlockMethods(context),
    ethStateMethods(context),
    ethTransactionMethods(context),
    ethCallMethods(context),
    ethFeesMethods(context),
    ethLogsMethods(context),
    ethSubscribeMethods(context),
    accountMethods(context),
    netMethods(context),
    web3Methods(context),
    txpoolMethods(context),
    adminMethods(context),
    consensusMethods(context),
    { rpc_modules: method(0, 0, () => Object.fromEntries(namespaces().map((name) => [name, '1.0']))) },
  ];
}
