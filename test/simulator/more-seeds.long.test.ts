import { testSeeds } from './keeps-promises.ts';

testSeeds(101, 300);
testSeeds(21, 200, 'cluster');
testSeeds(21, 200, 'sentinel');
// Sockets that connect again land at another process.
testSeeds(1, 100, 'single', 100, 2);
