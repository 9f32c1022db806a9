import { testSeeds } from './seeds.ts';

testSeeds('pos', 1, 60);
