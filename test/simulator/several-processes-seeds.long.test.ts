import { testSeeds } from './keeps-promises.ts';

// Sockets that connect again land at another process.
testSeeds(1, 100, 'single', 100, 2);
