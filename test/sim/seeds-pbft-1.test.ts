import { testSeeds } from './seeds.ts';

testSeeds('pbft', 1, 100);
