import { testSeeds } from './seeds.ts';

testSeeds('pbft', 101, 100);
