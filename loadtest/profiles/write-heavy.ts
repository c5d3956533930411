import type { Profile } from '../profile.ts';

export const writeHeavy: Profile = {
  name: 'write-heavy',
  question: 'How many requests a second can it serve when four of five write to Redis?',
  load: { kind: 'closed', connections: 32, ratePerSecond: null, warmupSeconds: 2, seconds: 15 },
  data: { symbols: 13_425, types: ['borrow_rate'] },
  traffic: {
    kind: 'mix',
    over: 'http',
    parts: [
      { op: 'set', share: 80, draw: 'zipf' },
      { op: 'get', share: 20, draw: 'zipf' },
    ],
  },
  gates: ['latency', 'errors'],
};
