import { testSeeds } from './keeps-promises.ts';

testSeeds(1, 220, 'cluster', 110);

// A master loses its slots while a client subscribes to a type, which lists the keys of all masters.
testSeeds(2455, 1, 'cluster', 1);
// A master hands over while a process of the service restarts.
testSeeds(1320, 1, 'cluster', 1);
