import type { Profile } from '../profile.ts';

const STAMPEDE = 64;

export const missStorm: Profile = {
  name: 'miss-storm',
  question: 'When L1 is cold and 64 readers read one key at once, does Redis see one read?',
  load: { kind: 'open', connections: STAMPEDE, ratePerSecond: 50 * STAMPEDE, warmupSeconds: 1, seconds: 10 },
  data: { symbols: 13_425, types: ['borrow_rate'] },
  traffic: { kind: 'stampede', size: STAMPEDE },
  gates: ['latency', 'errors', 'hits', 'redis reads'],
};
