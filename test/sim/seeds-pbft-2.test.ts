import { testSeeds } from './seeds.ts';

testSeeds('pbft', 111, 110);
