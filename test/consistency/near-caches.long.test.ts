import { testRuns } from './test-runs.ts';

testRuns('single', [
  {
    fault: 'client-frozen',
    seconds: 5,
    expect: 'while connections of near caches are frozen, entries are served no longer than the bound',
  },
  {
    fault: 'client-half-open',
    seconds: 5,
    expect: 'with half-open connections of near caches, entries are served no longer than the bound',
  },
  {
    fault: 'client-reset',
    seconds: 3,
    expect: 'after connections of near caches were reset, no near cache serves an old value',
  },
  {
    fault: 'replica-killed',
    seconds: 4,
    expect: 'after replicas were killed, no near cache serves an old value',
  },
]);
