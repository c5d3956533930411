/** The requests that the contract is exercised with, and what each must be answered. */
import { pack } from 'msgpackr';
import { JSON_TYPE, MSGPACK_TYPE } from '../support/client.ts';
import type { Sent } from './contract.ts';

export type Exercise = readonly [id: string, outcome: string, sent?: Sent];

export const VALUE = '/v1/cache/{key}';
export const LIST = ['GET /v1/keys', 'HEAD /v1/keys'];
export const EXPLAIN = '/v1/explain/{key}';
const EXPLAINS = [`GET ${EXPLAIN}`, `HEAD ${EXPLAIN}`];
const HOT_KEYS = ['GET /v1/hot-keys', 'HEAD /v1/hot-keys'];
const HISTORY = ['GET /v1/history', 'HEAD /v1/history'];
const REPLICAS = ['GET /v1/replicas', 'HEAD /v1/replicas'];
const CONFIGURATION = ['GET /v1/configuration', 'HEAD /v1/configuration'];
export const READS = [`GET ${VALUE}`, `HEAD ${VALUE}`];
const EVENTS = 'GET /v1/events';
const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0';
const PROBES = ['/health', '/livez', '/readyz', '/metrics', '/stats'];
const BATCHES = ['POST /v1/mget', 'POST /v1/mset', 'POST /v1/mdelete'];
const OPERATIONS = ['POST /v1/invalidate', 'POST /v1/cleanup', 'POST /v1/flush', 'POST /v1/warmup'];
const HEARTBEAT = 'PUT /v1/sources/{name}';
const FORGET = 'DELETE /v1/sources/{name}';
const UNMARK_ID = 'DELETE /v1/marks/{id}';
const MARKING = ['POST /v1/marks', 'POST /v1/unmark', HEARTBEAT];
const RECORDS = ['GET /v1/sources', 'HEAD /v1/sources', 'GET /v1/marks', 'HEAD /v1/marks'];
const MANY = Array.from({ length: 1000 }, (_, i) => `x:${i}`);
const POSTS = [...BATCHES, ...OPERATIONS];

const JSON_BODY = { 'Content-Type': JSON_TYPE };
const MSGPACK_ALIASES = [MSGPACK_TYPE, 'application/msgpack', 'application/x-msgpack'];
const VERSION = '"01a20c60214c0000355a7e2f"';

/** More than the service of the test takes. */
export const LIMITS = {
  MAX_VALUE_BYTES: '8192',
  MAX_BODY_BYTES: '16384',
  WS_MAX_CONNECTIONS: '1',
  WS_MAX_NAMES: '2',
};
const TOO_LONG = JSON.stringify('x'.repeat(16_384));
const COMPLEX = '*a*b*c*d*e*';

export function json(data: unknown, more: Sent = {}): Sent {
  return { ...more, headers: { ...JSON_BODY, ...more.headers }, body: JSON.stringify(data) };
}

const read = (key: string, headers: Record<string, string> = {}): Sent => ({ key, headers });
const both = (ids: readonly string[], outcome: string, sent: Sent = {}): Exercise[] =>
  ids.map((id) => [id, id.startsWith('HEAD ') ? outcome.slice(0, 3) : outcome, sent]);

/** What each POST takes. */
const BODIES: Readonly<Record<string, unknown>> = {
  'POST /v1/mget': { keys: ['volatility:AAPL', 'volatility:NONE', ''] },
  'POST /v1/mset': {
    entries: [
      { key: 'volatility:AAPL', value: 0.31, ttl: 90.5 },
      { key: 'volatility:GME', value: { sigma: [1, null] } },
    ],
  },
  'POST /v1/mdelete': { keys: ['volatility:GME', 'volatility:NONE'] },
  'POST /v1/invalidate': { keys: ['borrow_rate:X'], types: ['event_risk'], pattern: 'calculation:X:*' },
  'POST /v1/cleanup': {},
  'POST /v1/flush': { tier: 'local' },
  'POST /v1/warmup': { pattern: 'borrow_rate:*', limit: 5 },
  'POST /v1/marks': { keys: ['x:1'], state: 'suspect', reason: 'why', ttl: 600 },
  'POST /v1/unmark': { keys: ['x:1'] },
  [HEARTBEAT]: { types: ['event_risk'], prefixes: ['x:'], ttl: 600 },
};

/** With a Redis that is well, in this order. */
export const WELL: readonly Exercise[] = [
  [`PUT ${VALUE}`, '201', json({ rate: 0.0525 }, { key: 'borrow_rate:AAPL' })],
  [`PUT ${VALUE}`, '204', json(0.06, { key: 'borrow_rate:AAPL', query: { ttl: '90.5' } })],
  [`PUT ${VALUE}`, '201', { key: 'borrow_rate:BRK B/%', headers: JSON_BODY, body: '1' }],
  ...MSGPACK_ALIASES.map(
    (type): Exercise => [
      `PUT ${VALUE}`,
      '204',
      { key: 'borrow_rate:AAPL', headers: { 'Content-Type': type }, body: pack({ rate: 0.07 }) },
    ],
  ),
  [`PUT ${VALUE}`, '201', json(0.0025, { key: 'min_rate:GME' })],
  [`PUT ${VALUE}`, '201', json(1, { key: 'borrowrate:GME' })],
  [`PUT ${VALUE}`, '204', json(1, { key: 'borrowrate:GME' })],
  [
    `PUT ${VALUE}`,
    '201',
    {
      key: 'other:BINARY',
      headers: { 'Content-Type': MSGPACK_TYPE, 'If-None-Match': '*' },
      body: pack(Buffer.from('binary')),
    },
  ],
  [`PUT ${VALUE}`, '204', json(1, { key: 'borrow_rate:BRK B/%', headers: { 'If-Match': '*' } })],
  [`PUT ${VALUE}`, '400 key_invalid', json(1, { key: '%zz' })],
  [`PUT ${VALUE}`, '400 ttl_invalid', json(1, { key: 'a', query: { ttl: '0' } })],
  [
    `PUT ${VALUE}`,
    '204',
    json(1, { key: 'borrow_rate:AAPL', query: { asOf: '2017-09-27T12:20:00.250Z', source: 'ibkr' } }),
  ],
  ...READS.map((id): Exercise => [id, '200', read('borrow_rate:AAPL')]),
  ['POST /v1/mget', '200', json({ keys: ['borrow_rate:AAPL'] })],
  [
    `PUT ${VALUE}`,
    '204',
    json(1, {
      key: 'borrow_rate:AAPL',
      headers: {
        'Last-Modified': 'Wed, 27 Sep 2017 12:20:00 GMT',
        'If-Unmodified-Since': 'Wed, 27 Sep 2017 12:20:00 GMT',
      },
    }),
  ],
  [
    `PUT ${VALUE}`,
    '412 precondition_failed',
    json(1, {
      key: 'borrow_rate:AAPL',
      headers: { 'If-Unmodified-Since': 'Wed, 27 Sep 2017 12:19:59 GMT' },
    }),
  ],
  [
    'POST /v1/mset',
    '200',
    json({
      entries: [
        { key: 'borrow_rate:AAPL', value: 1, asOf: 1_506_514_800_250, source: 'ibkr', ifNewer: true },
        { key: 'borrow_rate:AAPL', value: 1, asOf: 1, ifNewer: true },
        { key: 'borrow_rate:AAPL', value: 1, source: 'a b' },
      ],
    }),
  ],
  [`PUT ${VALUE}`, '400 origin_invalid', json(1, { key: 'a', query: { source: 'a b' } })],
  [`PUT ${VALUE}`, '400 query_invalid', json(1, { key: 'a', query: { TTL: '60' } })],
  [`PUT ${VALUE}`, '400 value_invalid', { key: 'a', headers: JSON_BODY, body: '{"rate"' }],
  [
    `PUT ${VALUE}`,
    '400 bad_request',
    json(1, { key: 'a', headers: { 'If-Match': '*', 'If-None-Match': '*' } }),
  ],
  [
    `PUT ${VALUE}`,
    '412 precondition_failed',
    json(1, { key: 'borrow_rate:AAPL', headers: { 'If-None-Match': '*' } }),
  ],
  [
    `PUT ${VALUE}`,
    '412 precondition_failed',
    json(1, { key: 'borrow_rate:NONE', headers: { 'If-Match': VERSION } }),
  ],
  ...['201', '201'].map(
    (outcome): Exercise => [
      `PUT ${VALUE}`,
      outcome,
      json(1, { key: 'other:ONCE', headers: { 'Idempotency-Key': 'once' } }),
    ],
  ),
  [
    `PUT ${VALUE}`,
    '422 idempotency_key_reused',
    json(2, { key: 'other:ONCE', headers: { 'Idempotency-Key': 'once' } }),
  ],
  [
    `PUT ${VALUE}`,
    '400 idempotency_key_invalid',
    json(1, { key: 'other:ONCE', headers: { 'Idempotency-Key': 'two words' } }),
  ],
  [`PUT ${VALUE}`, '413 value_too_large', { key: 'a', headers: JSON_BODY, body: TOO_LONG }],
  [
    `PUT ${VALUE}`,
    '415 media_type_unsupported',
    { key: 'a', headers: { 'Content-Type': 'text/plain' }, body: '1' },
  ],

  ...both(READS, '200', read('borrow_rate:AAPL')),
  ...both(READS, '200', read('borrow_rate:AAPL', { Accept: MSGPACK_TYPE })),
  ...both(READS, '200', { key: 'borrow_rate:GME', query: { fallback: 'min_rate' } }),
  [`PUT ${VALUE}`, '201', json('x'.repeat(5000), { key: 'other:LARGE' })],
  ...both(READS, '200', read('other:LARGE', { 'Accept-Encoding': 'gzip' })),
  ...both(READS, '304', read('borrow_rate:AAPL', { 'If-None-Match': '*' })),
  ...both(READS, '304', {
    key: 'borrow_rate:GME',
    query: { fallback: 'min_rate' },
    headers: { 'If-None-Match': '*' },
  }),
  ...both(READS, '200', read('borrow_rate:AAPL', { 'Cache-Control': 'max-age=3000000000' })),
  ...both(READS, '504 terms_not_met', read('borrow_rate:AAPL', { 'Cache-Control': 'min-fresh=9000000' })),
  ...both(READS, '400 bad_request', read('borrow_rate:AAPL', { 'Cache-Control': 'max-age=soon' })),
  ['POST /v1/mget', '200', json({ keys: ['borrow_rate:AAPL'], maxAge: 0, minFresh: 0 })],
  ['POST /v1/mget', '200', json({ keys: ['borrow_rate:AAPL'], noCache: true })],
  ['POST /v1/mget', '200', json({ keys: ['borrow_rate:AAPL'], onlyIfCached: true })],
  ...both(READS, '400 key_invalid', read('%zz')),
  ...both(READS, '400 query_invalid', { key: 'borrow_rate:NONE', query: { fallback: 'zero' } }),
  ...both(READS, '404 cache_miss', read('borrow_rate:NONE')),
  ...both(READS, '406 not_acceptable', read('other:BINARY', { Accept: JSON_TYPE })),

  [`DELETE ${VALUE}`, '204', read('borrow_rate:NONE', { 'If-None-Match': '*' })],
  [`DELETE ${VALUE}`, '204', read('min_rate:GME', { 'If-Match': '*' })],
  [`DELETE ${VALUE}`, '204', read('other:ONCE', { 'Idempotency-Key': 'once' })],
  [
    `DELETE ${VALUE}`,
    '422 idempotency_key_reused',
    read('other:ONCE', { 'Idempotency-Key': 'once', 'If-Match': '*' }),
  ],
  [`DELETE ${VALUE}`, '400 idempotency_key_invalid', read('other:ONCE', { 'Idempotency-Key': '' })],
  [
    `DELETE ${VALUE}`,
    '204',
    read('borrow_rate:NONE', { 'If-Unmodified-Since': 'Wed, 27 Sep 2017 12:20:00 GMT' }),
  ],
  [`DELETE ${VALUE}`, '400 key_invalid', read('%zz')],
  [`DELETE ${VALUE}`, '400 query_invalid', { key: 'a', query: { ttl: '60' } }],
  [`DELETE ${VALUE}`, '400 bad_request', read('a', { 'If-Match': '*', 'If-None-Match': '*' })],
  [`DELETE ${VALUE}`, '412 precondition_failed', read('min_rate:NONE', { 'If-Match': VERSION })],
  [`DELETE ${VALUE}`, '412 precondition_failed', read('borrow_rate:AAPL', { 'If-None-Match': '*' })],

  ['POST /v1/mget', '200', json({ keys: ['other:BINARY'] })],
  ...POSTS.flatMap((id): Exercise[] => [
    [id, '200', json(BODIES[id])],
    [id, '200', json(BODIES[id], { headers: { Accept: MSGPACK_TYPE } })],
    ...MSGPACK_ALIASES.map(
      (type): Exercise => [id, '200', { headers: { 'Content-Type': type }, body: pack(BODIES[id]) }],
    ),
    [id, '400 body_invalid', { headers: JSON_BODY, body: '{"keys"' }],
    [id, '400 query_invalid', json(BODIES[id], { query: { ttl: '60' } })],
    [id, '406 not_acceptable', json(BODIES[id], { headers: { Accept: 'text/html' } })],
    [id, '413 body_too_large', { headers: JSON_BODY, body: TOO_LONG }],
    [id, '415 media_type_unsupported', { headers: { 'Content-Type': 'text/plain' }, body: '{}' }],
  ]),
  ['POST /v1/mset', '200', json({ entries: [{ key: '%', value: 'x'.repeat(1500) }] })],
  ['POST /v1/cleanup', '200'],
  ['POST /v1/flush', '200'],
  ['POST /v1/warmup', '200'],
  ['POST /v1/invalidate', '400 key_invalid', json({ keys: [''] })],
  ['POST /v1/invalidate', '400 pattern_invalid', json({ pattern: '' })],
  ['POST /v1/warmup', '400 pattern_invalid', json({ pattern: '' })],
  ['POST /v1/invalidate', '400 pattern_too_complex', json({ pattern: COMPLEX })],
  ['POST /v1/warmup', '400 pattern_too_complex', json({ pattern: COMPLEX })],

  ...both(LIST, '200', { query: { pattern: 'borrow_rate:*', limit: '10' } }),
  ...both(LIST, '200', { query: { type: 'min_rate' }, headers: { Accept: MSGPACK_TYPE } }),
  ...both(LIST, '200', { query: { cursor: '0' } }),
  ...both(LIST, '400 query_invalid', { query: { limit: '0' } }),
  ...both(LIST, '400 pattern_invalid', { query: { pattern: '' } }),
  ...both(LIST, '400 pattern_too_complex', { query: { pattern: COMPLEX } }),
  ...both(LIST, '406 not_acceptable', { headers: { Accept: 'text/html' } }),

  ...both(EXPLAINS, '200', read('borrow_rate:AAPL')),
  ...both(EXPLAINS, '200', read('borrow_rate:NONE', { Accept: MSGPACK_TYPE })),
  ...both(EXPLAINS, '400 key_invalid', read('%zz')),
  ...both(EXPLAINS, '400 query_invalid', { key: 'a', query: { tier: 'l1' } }),
  ...both(EXPLAINS, '406 not_acceptable', read('a', { Accept: 'text/html' })),
  ...both(HOT_KEYS, '200'),
  ...both(HOT_KEYS, '200', { headers: { Accept: MSGPACK_TYPE } }),
  ...both(HOT_KEYS, '400 query_invalid', { query: { limit: '1' } }),
  ...both(HOT_KEYS, '406 not_acceptable', { headers: { Accept: 'text/html' } }),
  ...[HISTORY, REPLICAS, CONFIGURATION].flatMap((ids) => [
    ...both(ids, '200'),
    ...both(ids, '200', { headers: { Accept: MSGPACK_TYPE } }),
    ...both(ids, '400 query_invalid', { query: { limit: '1' } }),
    ...both(ids, '406 not_acceptable', { headers: { Accept: 'text/html' } }),
  ]),
  ...both(HISTORY, '200', { query: { after: '0' } }),
  ...both(HISTORY, '400 query_invalid', { query: { after: '1.5' } }),

  ...MARKING.flatMap((id): Exercise[] => {
    const done = id === 'POST /v1/marks' ? '201' : '200';
    const key = 'ibkr';
    return [
      [id, done, json(BODIES[id], { key })],
      [id, done, json(BODIES[id], { key, headers: { Accept: MSGPACK_TYPE } })],
      ...MSGPACK_ALIASES.map(
        (type): Exercise => [id, done, { key, headers: { 'Content-Type': type }, body: pack(BODIES[id]) }],
      ),
      [id, '400 body_invalid', { key, headers: JSON_BODY, body: '{"keys"' }],
      [id, '400 query_invalid', json(BODIES[id], { key, query: { ttl: '60' } })],
      [id, '406 not_acceptable', json(BODIES[id], { key, headers: { Accept: 'text/html' } })],
      [id, '413 body_too_large', { key, headers: JSON_BODY, body: TOO_LONG }],
      [id, '415 media_type_unsupported', { key, headers: { 'Content-Type': 'text/plain' }, body: '{}' }],
    ];
  }),
  ['POST /v1/marks', '400 ttl_invalid', json({ keys: ['x:1'], state: 'halted', reason: 'why', ttl: 0 })],
  ['POST /v1/marks', '400 quality_invalid', json({ state: 'halted', reason: 'why', ttl: 1 })],
  ['POST /v1/marks', '400 key_invalid', json({ keys: [''], state: 'halted', reason: 'why', ttl: 1 })],
  ['POST /v1/unmark', '400 quality_invalid', json({})],
  ['POST /v1/unmark', '400 key_invalid', json({ keys: [''] })],
  [HEARTBEAT, '400 ttl_invalid', json({ types: ['event_risk'], ttl: 0 }, { key: 'ibkr' })],
  [HEARTBEAT, '400 quality_invalid', json({ ttl: 1 }, { key: 'ibkr' })],
  [HEARTBEAT, '400 key_invalid', json({ prefixes: [''], ttl: 1 }, { key: 'ibkr' })],
  [HEARTBEAT, '400 origin_invalid', json({ types: ['event_risk'], ttl: 1 }, { key: 'a b' })],
  ...both(RECORDS, '200'),
  ...both(RECORDS, '200', { headers: { Accept: MSGPACK_TYPE } }),
  ...both(RECORDS, '400 query_invalid', { query: { limit: '1' } }),
  ...both(RECORDS, '406 not_acceptable', { headers: { Accept: 'text/html' } }),
  [`PUT ${VALUE}`, '201', json(1, { key: 'borrow_rate:AAPL' })],
  ['POST /v1/marks', '201', json({ keys: ['borrow_rate:AAPL'], state: 'halted', reason: 'why', ttl: 600 })],
  ...both(READS, '503 halted', read('borrow_rate:AAPL')),
  ...both(READS, '200', { key: 'borrow_rate:AAPL', query: { halted: 'serve' } }),
  ...both(EXPLAINS, '200', read('borrow_rate:AAPL')),
  [`PUT ${VALUE}`, '204', json(1, { key: 'borrow_rate:AAPL', query: { suspect: 'true' } })],
  ['POST /v1/mget', '200', json({ keys: ['borrow_rate:AAPL'] })],
  ['POST /v1/mget', '200', json({ keys: ['borrow_rate:AAPL'], halted: 'serve', fallback: 'min_rate' })],
  ['POST /v1/unmark', '200', json({ keys: ['borrow_rate:AAPL'] })],
  ['POST /v1/mset', '200', json({ entries: [{ key: 'x:doubt', value: 1, suspect: true }] })],
  ...Array.from(
    { length: 10 },
    (): Exercise => [
      'POST /v1/marks',
      '201',
      json({ keys: MANY, state: 'suspect', reason: 'why', ttl: 600 }),
    ],
  ),
  ['POST /v1/marks', '409 marks_full', json({ keys: MANY, state: 'suspect', reason: 'why', ttl: 600 })],
  ['POST /v1/unmark', '200', json({ keys: MANY })],
  ...Array.from(
    { length: 9 },
    (_, i): Exercise => [HEARTBEAT, '200', json({ prefixes: MANY, ttl: 600 }, { key: `s${i}` })],
  ),
  [HEARTBEAT, '409 marks_full', json({ prefixes: MANY, ttl: 600 }, { key: 's9' })],
  ...Array.from({ length: 9 }, (_, i): Exercise => [FORGET, '200', { key: `s${i}` }]),
  ...[FORGET, UNMARK_ID].flatMap((id): Exercise[] => [
    [id, '200', { key: 'ibkr' }],
    [id, '200', { key: 'ibkr', headers: { Accept: MSGPACK_TYPE } }],
    [id, '400 query_invalid', { key: 'ibkr', query: { ttl: '60' } }],
    [id, '406 not_acceptable', { key: 'ibkr', headers: { Accept: 'text/html' } }],
  ]),
  [FORGET, '400 origin_invalid', { key: 'a b' }],

  ...PROBES.flatMap((path) => both([`GET ${path}`, `HEAD ${path}`], '200')),
];

const UPGRADE = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
};
const WS = 'GET /v1/ws';

export const upgrade = (headers: Record<string, string> = {}): Sent => ({
  headers: { ...UPGRADE, ...headers },
});

export const UPGRADES: readonly Exercise[] = [
  [WS, '101', upgrade()],
  [
    WS,
    '101',
    upgrade({ 'Sec-WebSocket-Protocol': 'other, ratecache.v1.msgpack', Origin: 'https://desk.internal' }),
  ],
  [WS, '400 subprotocol_unsupported', upgrade({ 'Sec-WebSocket-Protocol': 'other' })],
  [WS, '403 origin_refused', upgrade({ Origin: 'https://elsewhere.internal' })],
  [WS, '426 upgrade_required'],
];

/** One stream has room at a time. */
export const STREAMS: readonly Exercise[] = [
  [
    EVENTS,
    '200',
    {
      query: { keys: 'borrow_rate:AAPL', values: 'true', interval: '250', heartbeat: '1000' },
      headers: { 'Last-Event-ID': '5d41402abc4b2a76:1402' },
    },
  ],
  [EVENTS, '200', { query: { types: 'borrow_rate', prefixes: 'volatility:A' } }],
  [EVENTS, '400 query_invalid', { query: { key: 'a' } }],
  [EVENTS, '400 key_invalid', { query: { keys: '' } }],
  [
    EVENTS,
    '400 too_many_subscriptions',
    { query: { keys: 'a', types: 'borrow_rate', prefixes: 'volatility:' } },
  ],
];

/** The changes of sources and marks. */
function changesOfRecords(outcome: string): Exercise[] {
  const changes = [...MARKING, FORGET, UNMARK_ID];
  return changes.map((id) => [id, outcome, plain(id)]);
}

/** Where Redis allows neither scanning nor scripts, and nothing is kept. */
export const FORBIDDEN: readonly Exercise[] = [
  ...both(LIST, '503 l2_rejected'),
  ['POST /v1/flush', '503 l2_rejected'],
  [`PUT ${VALUE}`, '503 l2_rejected', json(1, { key: 'forbidden:A' })],
  [`DELETE ${VALUE}`, '503 l2_rejected', read('forbidden:A')],
  ['POST /v1/mset', '200', json(BODIES['POST /v1/mset'])],
  ['POST /v1/mdelete', '200', json(BODIES['POST /v1/mdelete'])],
  ['POST /v1/invalidate', '503 l2_rejected', json({ types: ['volatility'] })],
  ...changesOfRecords('503 l2_rejected'),
];

/** Where Redis takes commands and answers none, and nothing is kept; all at once. */
export const FROZEN: readonly Exercise[] = [
  ...both(LIST, '503 l2_timeout'),
  ...changesOfRecords('503 l2_timeout'),
  ['POST /v1/flush', '503 l2_timeout'],
  ['POST /v1/invalidate', '503 l2_timeout', json({ types: ['volatility'] })],
  ['POST /v1/invalidate', '503 write_unknown', json({ keys: ['volatility:AAPL'] })],
  [`PUT ${VALUE}`, '503 write_unknown', json(1, { key: 'frozen:A' })],
  [`DELETE ${VALUE}`, '503 write_unknown', read('frozen:A')],
  ['POST /v1/mget', '200', json(BODIES['POST /v1/mget'])],
  ['POST /v1/mset', '200', json(BODIES['POST /v1/mset'])],
  ['POST /v1/mdelete', '200', json(BODIES['POST /v1/mdelete'])],
  ...both(READS, '404 cache_unknown', read('frozen:A')),
];

/** The same where changes are kept: room is for three. */
export const FROZEN_KEEPING: readonly Exercise[] = [
  ['POST /v1/warmup', '503 l2_timeout'],
  [`PUT ${VALUE}`, '202', json(1, { key: 'frozen:B' })],
  [`DELETE ${VALUE}`, '202', read('frozen:C')],
];

/** Where Redis is gone, and nothing is kept. */
export const GONE: readonly Exercise[] = [
  ...both(LIST, '503 l2_unavailable'),
  ...changesOfRecords('503 l2_unavailable'),
  ['POST /v1/flush', '503 l2_unavailable'],
  ['POST /v1/invalidate', '503 l2_unavailable', json({ types: ['volatility'] })],
  [`PUT ${VALUE}`, '503 l2_unavailable', json(1, { key: 'gone:A' })],
  [`DELETE ${VALUE}`, '503 l2_unavailable', read('gone:A')],
  ...both(['GET /health', 'HEAD /health', 'GET /readyz', 'HEAD /readyz'], '503'),
  ...both(['GET /stats', 'GET /metrics'], '200'),
];

/** Where Redis is gone, and of three changes that are kept a flush is one. */
export const GONE_KEEPING: readonly Exercise[] = [
  ['POST /v1/warmup', '503 l2_unavailable'],
  ['POST /v1/invalidate', '202', json({ pattern: 'frozen:*' })],
  ['POST /v1/invalidate', '202', json({ types: ['volatility'] }, { headers: { Accept: MSGPACK_TYPE } })],
  ['POST /v1/flush', '202'],
  ['POST /v1/flush', '202', { headers: { Accept: MSGPACK_TYPE } }],
  [`PUT ${VALUE}`, '202', json(1, { key: 'minrate:A' })],
  [`PUT ${VALUE}`, '202', json(2, { key: 'minrate:A' })],
  ...both(READS, '200', read('minrate:A')),
  [`DELETE ${VALUE}`, '202', read('gone:B')],
  [`PUT ${VALUE}`, '503 pending_writes_full', json(1, { key: 'gone:C' })],
  [`DELETE ${VALUE}`, '503 pending_writes_full', read('gone:C')],
  ['POST /v1/invalidate', '503 pending_writes_full', json({ keys: ['gone:C'] })],
  [
    'POST /v1/mset',
    '200',
    json({
      entries: [
        { key: 'minrate:A', value: 1 },
        { key: 'gone:C', value: 1 },
      ],
    }),
  ],
  ['POST /v1/mdelete', '200', json({ keys: ['gone:B', 'gone:C'] })],
  ['POST /v1/mget', '200', json({ keys: ['minrate:A', 'gone:C'] })],
  [`PUT ${VALUE}`, '503 l2_unavailable', json(1, { key: 'minrate:A', headers: { 'If-None-Match': '*' } })],
  ...both(['GET /health', 'HEAD /health', 'GET /stats'], '200'),
];

/** For a service without Redis and without statistics. */
export const STANDALONE: readonly Exercise[] = [
  ['POST /v1/warmup', '503 standalone'],
  [`PUT ${VALUE}`, '201', json(1, { key: 'alone:A' })],
  ...both(READS, '200', read('alone:A')),
  ...both(READS, '404 cache_miss', read('alone:B')),
  ...both([...LIST, 'GET /stats', 'GET /health', 'GET /metrics'], '200'),
  ...both(['GET /metrics', 'HEAD /metrics'], '200', { headers: { Accept: OPEN_METRICS } }),
  ...both(EXPLAINS, '200', read('alone:A')),
];

/** A request that each operation takes, for what may become of any: of the value `known:A`. */
export function plain(id: string): Sent {
  if (id.endsWith(VALUE)) {
    const sent = { key: 'known:A', headers: {} };
    // Not what L1 answers on the short way.
    if (id.startsWith('GET ')) return { ...sent, headers: { 'If-None-Match': '*' } };
    return id.startsWith('PUT ') ? json(1, sent) : sent;
  }
  if (id.endsWith(EXPLAIN)) return { key: 'known:A' };
  if (id === EVENTS) return { query: { keys: 'known:A' } };
  const key = /\{(name|id)\}$/.test(id) ? { key: 'ibkr' } : {};
  return id in BODIES ? json(BODIES[id], key) : key;
}
