import { testRuns } from './test-runs.ts';

testRuns('cluster', [
  {
    fault: 'link-killed',
    seconds: 2.5,
    expect: 'after a killed link to one master, every write reaches every replica',
  },
  {
    fault: 'failover',
    seconds: 4,
    expect: 'while masters hand over to their replicas, no replica serves an old value',
  },
  {
    fault: 'reshard',
    seconds: 4,
    expect: 'while slots move between masters, no replica serves an old value',
  },
  {
    fault: 'replica-killed',
    seconds: 4,
    expect: 'after replicas were killed, no near cache serves an old value',
  },
]);
