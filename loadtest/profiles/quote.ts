import { type Profile, QUOTE_TYPES } from '../profile.ts';

export const quote: Profile = {
  name: 'quote',
  question: 'How long does a quote wait for its five keys in one mget?',
  load: { kind: 'open', connections: 64, ratePerSecond: 2000, warmupSeconds: 2, seconds: 20 },
  data: { symbols: 13_425, types: QUOTE_TYPES },
  traffic: { kind: 'mix', over: 'http', parts: [{ op: 'quote', share: 1, draw: 'zipf' }] },
  gates: ['latency', 'errors', 'hits'],
};
