import { testSeeds } from './seeds.ts';

testSeeds('dpos', 1, 50);
