import { testCluster } from './suite.ts';

await testCluster('pos');
