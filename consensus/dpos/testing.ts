import { slotTesting } from '../common/slots/testing.ts';

/** Nobody asks back in there, so nobody is put out for being away. */
export const dposTesting = slotTesting(2, { missedTurnsMax: 0 });
