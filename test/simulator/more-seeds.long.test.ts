import { testSeeds } from './keeps-promises.ts';

testSeeds(201, 200);
