import { testSeeds } from './keeps-promises.ts';

testSeeds(101, 300);
