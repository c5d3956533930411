import { testSeeds } from './keeps-promises.ts';

testSeeds(1, 220, 'sentinel', 110);

// A Sentinel announces another master, and is then slow or cut off, while the others still name the old master.
testSeeds(2908, 1, 'sentinel', 1);
testSeeds(7238, 1, 'sentinel', 1);
// A Sentinel hears late of two failovers in a row, and announces the first.
testSeeds(8316, 1, 'sentinel', 1);
