import { testSeeds } from './seeds.ts';

testSeeds('pow', 111, 110);
