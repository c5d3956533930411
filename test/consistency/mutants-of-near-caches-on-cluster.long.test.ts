import { testByRun } from './find-by-run.ts';

testByRun({
  mutant: 'a reset leaves the entries in the near cache',
  fault: 'failover',
  seconds: 8,
  topology: 'cluster',
  nearCachesOnly: true,
});
