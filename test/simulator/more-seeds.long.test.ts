import { testSeeds } from './keeps-promises.ts';

testSeeds(101, 300);
testSeeds(61, 200, 'cluster');
testSeeds(61, 200, 'sentinel');
