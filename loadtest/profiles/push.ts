import type { Profile } from '../profile.ts';

export const push: Profile = {
  name: 'push',
  question: 'How long after an update is due does each of 100 subscribers have it?',
  load: { kind: 'open', connections: 100, ratePerSecond: 100, warmupSeconds: 2, seconds: 15 },
  data: { symbols: 0, types: [] },
  traffic: { kind: 'push', keys: 200 },
  gates: ['latency', 'errors'],
};
