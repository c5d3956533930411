/** The variables of WebSocket connections and subscriptions. */
import { integer, text } from './kinds.ts';
import { ORIGINS } from './patterns.ts';

export const PUSH_VARIABLES = {
  WS_ALLOWED_ORIGINS: text({
    group: 'push',
    pattern: ORIGINS,
    expected: 'origins such as https://desk.example.com, separated by commas, or *',
    doc: 'Origins whose web pages may connect, in addition to the live page. Clients that are not browsers may always connect.',
  }),
  WS_MAX_CONNECTIONS: integer({
    group: 'push',
    default: 20_000,
    unit: 'sockets',
    within: [1, 1_000_000],
    doc: 'Maximum number of WebSocket connections.',
  }),
  WS_MAX_SUBSCRIPTIONS: integer({
    group: 'push',
    default: 1000,
    unit: 'subscriptions',
    within: [1, 1_000_000],
    doc: 'Maximum number of subscriptions per socket.',
  }),
  WS_MAX_NAMES: integer({
    group: 'push',
    default: 20_000,
    unit: 'names',
    within: [1, 10_000_000],
    doc: 'Maximum number of keys, types and prefixes in all subscriptions of a socket, and of its registered keys.',
  }),
  WS_MAX_NAME_BYTES: integer({
    group: 'push',
    default: 8 * 1024 * 1024,
    unit: 'bytes',
    within: [1, 1024 ** 3],
    doc: 'Maximum size of these names.',
  }),
  WS_MAX_TOTAL_NAMES: integer({
    group: 'push',
    default: 2_000_000,
    unit: 'names',
    within: [1, 100_000_000],
    doc: 'Maximum number of keys, types and prefixes in the subscriptions of all sockets, and of their registered keys.',
  }),
  WS_MAX_TOTAL_NAME_BYTES: integer({
    group: 'push',
    default: 128 * 1024 * 1024,
    unit: 'bytes',
    within: [1, 100 * 1024 ** 3],
    doc: 'Maximum size of these names.',
  }),
  WS_MAX_FRAME_BYTES: integer({
    group: 'push',
    default: 2 * 1024 * 1024,
    unit: 'bytes',
    within: [1024, 1024 ** 3],
    doc: 'Maximum size of a frame from a client.',
  }),
  WS_MAX_PENDING_KEYS: integer({
    group: 'push',
    default: 10_000,
    unit: 'keys',
    within: [1, 10_000_000],
    doc: 'Maximum number of keys that are queued for a slow consumer; beyond it, the socket is closed.',
  }),
  WS_STALL_SECONDS: integer({
    group: 'push',
    default: 30,
    unit: 'seconds',
    within: [1, 86_400],
    doc: 'How long a slow consumer may read nothing before its socket is closed.',
  }),
  WS_IDLE_TIMEOUT_SECONDS: integer({
    group: 'push',
    default: 120,
    unit: 'seconds',
    within: [8, 960],
    doc: 'How long a socket may be silent before it is closed; the service sends pings in time.',
  }),
};
