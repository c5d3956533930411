import { type Profile, QUOTE_TYPES } from '../profile.ts';

export const websocket: Profile = {
  name: 'websocket',
  question:
    'How long do requests wait on 64 WebSockets, when nine of ten read one key and the others a quote?',
  load: { kind: 'open', connections: 64, ratePerSecond: 3000, warmupSeconds: 2, seconds: 20 },
  data: { symbols: 13_425, types: QUOTE_TYPES },
  traffic: {
    kind: 'mix',
    over: 'websocket',
    parts: [
      { op: 'get', share: 90, draw: 'zipf' },
      { op: 'quote', share: 10, draw: 'zipf' },
    ],
  },
  gates: ['latency', 'errors', 'hits'],
};
