import { testSeeds } from './seeds.ts';

testSeeds('pow', 1, 100);
