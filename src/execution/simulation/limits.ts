/** Of one request, gaps that are filled included. As many as BLOCKHASH sees. */
export const SIMULATED_BLOCKS_MAX = 256;
/** Of one request. Gas bounds what they do: CALL_GAS_MAX for all of them together. */
export const SIMULATED_CALLS_MAX = 1_000;
/** Accounts and words that the overrides of one request name: each changes a trie, in one go. */
export const SIMULATED_OVERRIDES_MAX = 4_096;
