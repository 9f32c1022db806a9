/** Limits of request and response bodies, the same on every network. */
export const REQUEST_SIZE_BYTES_MAX = 1024 * 1024;
export const RESPONSE_SIZE_BYTES_MAX = 16 * 1024 * 1024;
