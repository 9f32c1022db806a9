import { testSeeds } from './seeds.ts';

testSeeds('pow', 101, 100);
