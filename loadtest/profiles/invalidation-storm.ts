import type { Profile } from '../profile.ts';

export const invalidationStorm: Profile = {
  name: 'invalidation-storm',
  question:
    'Do readers wait while all rates of one letter after another are invalidated in bulk and written again?',
  load: { kind: 'open', connections: 64, ratePerSecond: 2000, warmupSeconds: 1, seconds: 15 },
  data: { symbols: 13_425, types: ['borrow_rate'] },
  traffic: {
    kind: 'mix',
    over: 'http',
    parts: [
      { op: 'get', share: 89.9, draw: 'zipf' },
      { op: 'set', share: 10, draw: 'zipf' },
      { op: 'invalidate', share: 0.1, draw: 'uniform' },
    ],
  },
  gates: ['latency', 'errors'],
};
