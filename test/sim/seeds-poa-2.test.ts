import { testSeeds } from './seeds.ts';

testSeeds('poa', 101, 100);
