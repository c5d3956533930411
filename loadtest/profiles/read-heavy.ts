import type { Profile } from '../profile.ts';

export const readHeavy: Profile = {
  name: 'read-heavy',
  question:
    'How long do readers wait when 95 of 100 requests read, and few popular symbols receive most of them?',
  load: { kind: 'open', connections: 64, ratePerSecond: 3000, warmupSeconds: 2, seconds: 20 },
  data: { symbols: 13_425, types: ['borrow_rate'] },
  traffic: {
    kind: 'mix',
    over: 'http',
    parts: [
      { op: 'get', share: 95, draw: 'zipf' },
      { op: 'set', share: 5, draw: 'zipf' },
    ],
  },
  gates: ['latency', 'errors', 'hits'],
};
