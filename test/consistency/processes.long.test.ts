import { testRuns } from './test-runs.ts';

// Each connection of a reader, a writer or a subscriber lands at one of the two processes of its replica.
testRuns(
  'single',
  [
    { fault: 'none', seconds: 2, expect: 'no process serves an old value' },
    { fault: 'link-killed', seconds: 2.5, expect: 'after a killed link, every write reaches every process' },
    { fault: 'frozen', seconds: 3.5, expect: 'after Redis was frozen, no process serves an old value' },
    {
      fault: 'restart',
      seconds: 3,
      expect: 'after Redis restarts without data, no process serves an old value',
    },
  ],
  2,
);
