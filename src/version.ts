/** Kept equal to package.json by test/tidy.test.ts. */
export const VERSION = '0.1.0';
