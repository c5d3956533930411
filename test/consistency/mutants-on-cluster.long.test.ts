import { testByRun } from './find-by-run.ts';

testByRun({
  mutant: 'a link that is armed again does not empty L1',
  fault: 'link-killed',
  seconds: 8,
  topology: 'cluster',
});
testByRun({
  mutant: 'clients are not notified that the state is coherent again',
  fault: 'failover',
  seconds: 6,
  topology: 'cluster',
});
