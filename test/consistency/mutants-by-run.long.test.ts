import { testByRun } from './find-by-run.ts';

testByRun({
  mutant: 'a link that is armed again does not empty L1',
  fault: 'link-killed',
  seconds: 3,
  topology: 'single',
});
testByRun({
  mutant: 'clients are not notified that the state is coherent again',
  fault: 'data-killed',
  seconds: 2,
  topology: 'single',
});
testByRun({
  mutant: 'dependents are not compared with their inputs',
  fault: 'none',
  seconds: 3,
  topology: 'single',
});
