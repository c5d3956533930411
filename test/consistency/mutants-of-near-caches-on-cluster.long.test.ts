import { testByRun } from './find-by-run.ts';

// A failover would find it rarely: the old master still reports changes, so few are missed.
testByRun({
  mutant: 'a reset leaves the entries in the near cache',
  fault: 'link-killed',
  seconds: 8,
  topology: 'cluster',
  nearCachesOnly: true,
});
