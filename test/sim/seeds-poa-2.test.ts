import { testSeeds } from './seeds.ts';

testSeeds('poa', 111, 110);
