import { describe, expect, it } from 'vitest';
import { recoverTransaction } from '../../../src/codec/transaction.ts';
import type { Transaction } from '../../../src/types/transaction.ts';
import { CodecError } from '../../../src/util/errors.ts';
import { fromHex } from '../../../src/util/hex.ts';
import VECTORS from '../../vectors/typed-transactions.json' with { type: 'json' };

/** EIP-2718 envelopes of EIP-2930 and EIP-1559, as ethereum/tests has them. */
describe('typed transactions', () => {
  const recover = (raw: string): Transaction => recoverTransaction(fromHex(raw as `0x${string}`));

  it.each(VECTORS.transactions.filter(({ refused }) => refused !== true))(
    'of $source have their hash and sender',
    ({ raw, hash, sender }) => {
      expect(recover(raw)).toMatchObject({ hash, sender });
    },
  );

  it.each(VECTORS.transactions.filter(({ refused }) => refused === true))('of $source are refused', ({ raw }) => {
    expect(() => recover(raw)).toThrow(CodecError);
  });
});
