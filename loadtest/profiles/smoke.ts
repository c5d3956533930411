import type { Profile } from '../profile.ts';

export const smoke: Profile = {
  name: 'smoke',
  question: 'Does it answer reads and writes at a low rate?',
  load: { kind: 'open', connections: 8, ratePerSecond: 500, warmupSeconds: 0.5, seconds: 5 },
  data: { symbols: 200, types: ['borrow_rate'] },
  traffic: {
    kind: 'mix',
    over: 'http',
    parts: [
      { op: 'get', share: 90, draw: 'uniform' },
      { op: 'set', share: 10, draw: 'uniform' },
    ],
  },
  gates: ['latency', 'errors', 'hits'],
};
