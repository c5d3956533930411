import { testSeeds } from './keeps-promises.ts';

testSeeds(1001, 1000);
