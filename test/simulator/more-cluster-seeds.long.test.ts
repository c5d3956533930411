import { testSeeds } from './keeps-promises.ts';

testSeeds(21, 200, 'cluster');
