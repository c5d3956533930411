import type { Profile } from '../profile.ts';

export const largeValues: Profile = {
  name: 'large-values',
  question: 'How many values of 64 KB a second can it return and store?',
  load: { kind: 'closed', connections: 16, ratePerSecond: null, warmupSeconds: 2, seconds: 15 },
  data: { symbols: 300, types: ['calculation'], valueBytes: 65_536 },
  traffic: {
    kind: 'mix',
    over: 'http',
    parts: [
      { op: 'get', share: 90, type: 'calculation', draw: 'zipf' },
      { op: 'set', share: 10, type: 'calculation', draw: 'zipf' },
    ],
  },
  gates: ['latency', 'errors', 'hits'],
};
