import { testByRun } from './find-by-run.ts';

testByRun({
  mutant: 'an entry of the near cache is served while its watch is dead',
  fault: 'client-half-open',
  seconds: 6,
  topology: 'single',
});
testByRun({
  mutant: 'a reset leaves the entries in the near cache',
  fault: 'link-killed',
  seconds: 8,
  topology: 'single',
  nearCachesOnly: true,
});
