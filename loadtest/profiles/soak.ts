import type { Profile } from '../profile.ts';

export const soak: Profile = {
  name: 'soak',
  question: 'Are latency and memory after ten minutes the same as at the start?',
  load: { kind: 'open', connections: 64, ratePerSecond: 2000, warmupSeconds: 10, seconds: 600 },
  data: { symbols: 13_425, types: ['borrow_rate'] },
  traffic: {
    kind: 'mix',
    over: 'http',
    parts: [
      { op: 'get', share: 90, draw: 'zipf' },
      { op: 'set', share: 10, draw: 'zipf' },
    ],
  },
  gates: ['latency', 'errors', 'hits', 'memory growth'],
};
