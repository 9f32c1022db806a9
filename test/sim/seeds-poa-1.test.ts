import { testSeeds } from './seeds.ts';

testSeeds('poa', 1, 100);
