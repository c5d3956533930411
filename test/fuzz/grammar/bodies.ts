import { below, pick, type Random } from '../../../loadtest/support/random.ts';
import type { Model } from '../../codec/arbitraries.ts';
import type { Source } from '../kind.ts';
import { anyKey } from './keys.ts';
import { int, list, map, str } from './models.ts';
import { mutate } from './mutate.ts';
import { jsonOf, msgpackOf, oneIn } from './values.ts';

/** A request whose framing is valid. */
export interface ApiRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly string[];
  readonly body: Buffer;
}

const TYPES = { json: 'application/json', msgpack: 'application/vnd.msgpack' } as const;
const WORDS = ['"value":', '"keys":', '"ttl":1e999,', '"__proto__":{', '[[[[[[[[[[[[[[[[[[', '\\ud800'];
const PATTERNS = ['*', 'borrow_rate:*', '[', '[^a]*', '*a*b*c*', '\\', '', 'x'.repeat(1025)];
const TYPE_NAMES = ['borrow_rate', 'volatility', 'other', 'none'];

const QUERIES = [
  'ttl=60',
  'ttl=0',
  'ttl=1e9',
  'ttl=',
  'fallback=min_rate',
  'a=b',
  'ttl=1&ttl=2',
  '%',
  '%00=%ff',
];
const LIST_QUERIES = [
  'limit=3',
  'limit=0',
  'cursor=17',
  'cursor=-1',
  'pattern=%5B',
  'pattern=*',
  'type=other',
  'type=a',
];
const HEADERS = [
  'Accept: application/json',
  'Accept: application/vnd.msgpack',
  'Accept: application/json;q=0, */*;q=0.5',
  'Accept: ,;q=,',
  'If-Match: *',
  'If-Match: "018bcfe5680000005f0c2a17", "a"',
  'If-None-Match: *',
  'If-None-Match: W/"018bcfe5680000005f0c2a17"',
  'Idempotency-Key: a',
  'Idempotency-Key: ',
  'Idempotency-Key: \xff',
  `Idempotency-Key: ${'a'.repeat(129)}`,
  'If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT',
  'If-Unmodified-Since: a',
  'Cache-Control: no-cache, max-stale=a',
  'Cache-Control: only-if-cached',
  'Accept-Encoding: gzip;q=0.1, br',
  'Origin: null',
];

/** The bodies of operations, by their path. */
const BODIES: Readonly<Record<string, (source: Source) => Model>> = {
  '/v1/mget': ({ random }) => map([['keys', some(random, () => str(anyKey(random)))]]),
  '/v1/mdelete': ({ random }) => map([['keys', some(random, () => str(anyKey(random)))]]),
  '/v1/mset': (source) => map([['entries', some(source.random, () => entry(source))]]),
  '/v1/invalidate': ({ random }) =>
    map(
      oneIn(3, random)
        ? [['pattern', str(pick(PATTERNS, random))]]
        : [
            ['keys', some(random, () => str(anyKey(random)))],
            ['types', some(random, () => str(pick(TYPE_NAMES, random)))],
          ],
    ),
  '/v1/cleanup': () => map([]),
  '/v1/flush': ({ random }) => map([['tier', str(pick(['local', 'all', 'a'], random))]]),
  '/v1/warmup': ({ random }) =>
    map([
      ['pattern', str(pick(PATTERNS, random))],
      ['limit', int(below(5, random))],
    ]),
};

const PATHS = Object.keys(BODIES);

/** A request of the API: a value, a batch, an operation or a list of keys. */
export function apiRequest(source: Source): ApiRequest {
  const { random } = source;
  const headers = Array.from({ length: below(3, random) }, () => pick(HEADERS, random));
  switch (below(8, random)) {
    case 0:
      return {
        method: 'GET',
        target: withQuery('/v1/keys', LIST_QUERIES, 1, random),
        headers,
        body: Buffer.alloc(0),
      };
    case 1:
    case 2: {
      const target = withQuery(pathOf(random), QUERIES, 6, random);
      return {
        method: pick(['GET', 'GET', 'HEAD', 'DELETE'], random),
        target,
        headers,
        body: Buffer.alloc(0),
      };
    }
    case 3:
    case 4:
      return put(source, headers);
    default:
      return post(source, headers);
  }
}

function put(source: Source, headers: string[]): ApiRequest {
  const { random } = source;
  const target = withQuery(pathOf(random), QUERIES, 4, random);
  return { method: 'PUT', target, ...encoded(source.values.any(random), source, headers) };
}

function post(source: Source, headers: string[]): ApiRequest {
  const { random } = source;
  const path = pick(PATHS, random);
  const model = BODIES[path]!(source);
  const odd = oneIn(8, random) ? withOddMember(model, source) : model;
  return { method: 'POST', target: path, ...encoded(odd, source, headers) };
}

function encoded(model: Model, source: Source, headers: string[]) {
  const { random } = source;
  const encoding = pick(['json', 'msgpack'] as const, random);
  const bytes = encoding === 'json' ? jsonOf(model, random) : msgpackOf(model);
  const named = oneIn(30, random) ? pick([TYPES.json, 'text/plain', 'constructor'], random) : TYPES[encoding];
  const body = oneIn(500, random) ? Buffer.alloc(below(150_000, random), '[') : mutate(bytes, random, WORDS);
  return { headers: [...headers, `Content-Type: ${named}`], body };
}

/** Replaces or adds a member by any value. */
function withOddMember(model: Model, { values, random }: Source): Model {
  if (model.type !== 'map') return model;
  const members = [...model.members];
  const name = oneIn(3, random) ? 'odd' : (members[0]?.[0] ?? 'odd');
  members.splice(below(members.length + 1, random), oneIn(2, random) ? 1 : 0, [name, values.any(random)]);
  return map(members);
}

function entry(source: Source): Model {
  const { values, random } = source;
  const members: [string, Model][] = [['key', str(anyKey(random))]];
  if (!oneIn(20, random)) members.push(['value', values.any(random)]);
  if (oneIn(3, random))
    members.push(['ttl', pick([int(60), int(0), { type: 'float', value: 1e300 }], random)]);
  if (oneIn(5, random))
    members.push([
      'idempotencyKey',
      pick([str('a'), str(''), str('\u00e9'), str('a'.repeat(129)), int(1)], random),
    ]);
  return map(members);
}

function some(random: Random, item: () => Model): Model {
  return list(Array.from({ length: oneIn(30, random) ? 60 : below(4, random) }, item));
}

function pathOf(random: Random): string {
  return `/v1/cache/${encodeURIComponent(anyKey(random))}`;
}

/** Adds one of these queries, in one of `n` cases. */
function withQuery(path: string, queries: readonly string[], n: number, random: Random): string {
  return oneIn(n, random) ? `${path}?${pick(queries, random)}` : path;
}
