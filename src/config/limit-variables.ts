/** The variables that limit what clients may send, receive and use. */
import { integer } from './kinds.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;
/** The longest string that Redis stores. */
const REDIS_VALUE_LIMIT = 512 * MiB;

export const LIMIT_VARIABLES = {
  MAX_VALUE_BYTES: integer({
    group: 'limits',
    default: MiB,
    unit: 'bytes',
    within: [1, REDIS_VALUE_LIMIT],
    doc: 'Maximum size of a value.',
  }),
  MAX_KEY_BYTES: integer({
    group: 'limits',
    default: 512,
    unit: 'bytes',
    within: [1, 64 * KiB],
    doc: 'Maximum size of a key in UTF-8, without KEY_PREFIX.',
  }),
  MAX_BATCH_KEYS: integer({
    group: 'limits',
    default: 1000,
    unit: 'keys',
    within: [1, 1_000_000],
    doc: 'Maximum number of keys in a batch request.',
  }),
  MAX_BODY_BYTES: integer({
    group: 'limits',
    default: 8 * MiB,
    unit: 'bytes',
    within: [1, GiB],
    doc: 'Maximum size of the body of a batch or an operation.',
  }),
  MAX_BUFFERED_BODY_BYTES: integer({
    group: 'limits',
    default: 256 * MiB,
    unit: 'bytes',
    within: [1, 1024 * GiB],
    doc: 'Maximum memory of all unfinished request bodies; at least MAX_BODY_BYTES and MAX_VALUE_BYTES.',
  }),
  MAX_ANSWER_BYTES: integer({
    group: 'limits',
    default: 8 * MiB,
    unit: 'bytes',
    within: [1, GiB],
    doc: 'Maximum size of the values in the answer to a batch read; the first value is always sent.',
  }),
  MAX_INVALIDATION_KEYS: integer({
    group: 'limits',
    default: 100_000,
    unit: 'keys',
    within: [1, 10_000_000],
    doc: 'Maximum number of keys in a request to /v1/invalidate.',
  }),
  MAX_CONNECTIONS: integer({
    group: 'limits',
    default: 0,
    unit: 'connections',
    within: [0, 10_000_000],
    note: '0 derives it from the limit of open files and leaves 16 of them free',
    doc: 'Maximum number of client connections, WebSockets included.',
  }),
  MAX_ADDRESS_REQUESTS_PER_SECOND: integer({
    group: 'limits',
    default: 0,
    unit: 'requests/s',
    within: [0, 10_000_000],
    note: '0 sets no limit, as is right behind a proxy',
    doc: 'Maximum rate of requests from one address.',
  }),
  MAX_ADDRESS_BYTES_PER_SECOND: integer({
    group: 'limits',
    default: 0,
    unit: 'bytes/s',
    within: [0, 1024 * GiB],
    note: '0 sets no limit, as is right behind a proxy',
    doc: 'Maximum rate of the request bodies and frames from one address.',
  }),
};
