import { slotTesting } from '../common/slots/testing.ts';

export const posTesting = slotTesting(2, {});
