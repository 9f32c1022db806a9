import { NO_FAULTS, type Faulty, type NetworkFaults } from '../../src/ports/network.ts';

/** Remembers what it was told. */
export class FakeFaults implements Faulty {
  faults = NO_FAULTS;

  setFaults(faults: NetworkFaults): void {
    this.faults = faults;
  }
}
