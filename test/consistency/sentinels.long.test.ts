import { testRuns } from './test-runs.ts';

testRuns('sentinel', [
  {
    fault: 'link-killed',
    seconds: 2.5,
    expect: 'after a killed link to the master, every write reaches every replica',
  },
  {
    fault: 'master-killed',
    seconds: 8,
    expect: 'while Sentinels replace the master and the old one returns, no replica serves an old value',
  },
  {
    fault: 'client-half-open',
    seconds: 5,
    expect: 'with half-open connections of near caches, entries are served no longer than the bound',
  },
]);
