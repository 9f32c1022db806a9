/**
 * The engines every end-to-end test runs on. `args` are the devnet's flags that go with the engine; `keys` the same as
 * configuration keys, for networks that a test starts node by node; `blockReward` what a block of that height issues.
 */
export type EngineUnderTest = {
  readonly consensus: string;
  readonly args: readonly string[];
  readonly keys: Readonly<Record<string, unknown>>;
  /** Parameters that let a chain of small blocks run as fast as two cores carry it. */
  readonly fastKeys: Readonly<Record<string, unknown>>;
  /** Whether signers vote others in and out by consensus_propose (EIP-225). */
  readonly hasSignerVotes: boolean;
  blockReward(height: number): bigint;
};

export const ENGINES: readonly EngineUnderTest[] = [
  {
    consensus: 'poa',
    args: ['--consensus', 'poa'],
    keys: { consensus: 'poa' },
    fastKeys: { 'block-time': 50, engine: { 'backup-delay-ms': 20 } },
    hasSignerVotes: true,
    blockReward: () => 0n,
  },
];
