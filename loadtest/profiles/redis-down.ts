import type { Profile } from '../profile.ts';

export const redisDown: Profile = {
  name: 'redis-down',
  question:
    'Does it keep answering, in time and without errors, when Redis is killed and comes back empty, and serve what L1 has?',
  load: { kind: 'open', connections: 64, ratePerSecond: 1500, warmupSeconds: 2, seconds: 18 },
  data: { symbols: 13_425, types: ['borrow_rate'] },
  traffic: {
    kind: 'mix',
    over: 'http',
    parts: [
      { op: 'get', share: 95, draw: 'zipf' },
      { op: 'set', share: 5, draw: 'zipf' },
    ],
  },
  // No gate on the hits of the whole run: keys that L1 does not have are lost with Redis.
  gates: ['latency', 'errors', 'served without redis'],
  faults: [
    { at: 1 / 3, what: 'redis killed' },
    { at: 2 / 3, what: 'redis back' },
  ],
};
