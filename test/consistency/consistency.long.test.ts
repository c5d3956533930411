import { testRuns } from './test-runs.ts';

testRuns('single', [
  {
    fault: 'none',
    seconds: 2,
    replicas: 3,
    expect: 'without a fault, an old value is served only while the message about the change is in transit',
  },
  { fault: 'link-killed', seconds: 2.5, expect: 'after a killed link, every write reaches every replica' },
  {
    fault: 'data-killed',
    seconds: 2.5,
    expect: 'after a killed data connection, answers are marked until it is connected again',
  },
  { fault: 'frozen', seconds: 3.5, expect: 'after Redis was frozen, no replica serves an old value' },
  {
    fault: 'half-open',
    seconds: 4,
    expect: 'with a half-open link, a replica serves old values no longer than the bound',
  },
  {
    fault: 'slow',
    seconds: 4,
    expect: 'with a round trip to Redis of 120 ms, answers may be marked and are never wrong',
  },
  {
    fault: 'overrun',
    seconds: 2.5,
    expect: 'after an overrun output buffer lost invalidations, no replica serves an old value',
  },
  {
    fault: 'restart',
    seconds: 3,
    expect: 'after Redis restarts without data, no replica serves an old value',
  },
]);
