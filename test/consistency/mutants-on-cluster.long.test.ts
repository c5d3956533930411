import { testByRun } from './find-by-run.ts';

testByRun({
  mutant: 'a link that is armed again does not empty L1',
  fault: 'link-killed',
  seconds: 3,
  topology: 'cluster',
});
testByRun({
  mutant: 'clients are not notified that the state is coherent again',
  fault: 'failover',
  seconds: 3,
  topology: 'cluster',
});
