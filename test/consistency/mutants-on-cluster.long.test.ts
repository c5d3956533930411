import { testByRun } from './find-by-run.ts';

// Each killed link concerns a third of the keys: three of six runs of 8 s missed the mutant.
testByRun({
  mutant: 'a link that is armed again does not empty L1',
  fault: 'link-killed',
  seconds: 20,
  topology: 'cluster',
});
testByRun({
  mutant: 'clients are not notified that the state is coherent again',
  fault: 'failover',
  seconds: 6,
  topology: 'cluster',
});
