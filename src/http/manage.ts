/** Operations on the whole cache: invalidate, cleanup, flush, warm-up, and the list of keys. */

import * as v from 'valibot';
import type { Requester } from '../access/requester.ts';
import { starsIn } from '../cache/glob.ts';
import { checkKey } from '../cache/key-and-ttl.ts';
import { listKeys } from '../cache/l1/list-keys.ts';
import { sweep } from '../cache/l1/sweep.ts';
import { EVERYTHING, type Match } from '../cache/match.ts';
import { turns } from '../cache/turns.ts';
import type { TwoLevel } from '../cache/two-level.ts';
import { warmFromStore } from '../cache/warm.ts';
import { ServiceError } from '../errors.ts';
import { TYPES, type TypeIndex, typeIndex, typeOf } from '../key.ts';
import type { Counters } from '../metrics/counters.ts';
import { attempt, shedIfOverloaded } from './body.ts';
import type { HttpDeps } from './deps.ts';
import { Exchange } from './exchange.ts';
import { type GuardedHandler, requesterOf } from './guard.ts';
import { acceptOf, preferredEncoding } from './negotiate.ts';
import { operationHandler } from './operation.ts';
import { checkShape, shapeOf } from './payload.ts';
import { parametersOf } from './query.ts';
import { sendData } from './send-data.ts';

const INVALIDATION = shapeOf({
  // `distinctKeys` checks each key, in slices.
  keys: v.optional(v.array(v.unknown())),
  types: v.optional(v.array(v.picklist(TYPES))),
  pattern: v.optional(v.string()),
});
const NOTHING = shapeOf({});
const FLUSH = shapeOf({ tier: v.optional(v.picklist(['local', 'all'])) });
const WARMUP = shapeOf({
  pattern: v.optional(v.string()),
  limit: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});

const LIST_PARAMETERS: ReadonlySet<string> = new Set(['pattern', 'type', 'cursor', 'limit']);
const LIST_LIMIT = 1000;
const LIST_DEFAULT = 100;
const MAX_PATTERN_LENGTH = 1024;
/** Runs of stars in a pattern. */
const MAX_STARS = 5;
/** Members and elements of a body beyond its keys. A body with far more items is not even decoded. */
const SPARE_ITEMS = 1000;
/** Keys that an invalidation deletes in one turn of the event loop. */
const SLICE_KEYS = 128;
/** Keys that an invalidation checks in one turn of the event loop. */
const CHECKED_KEYS = 5000;
/** Cursors of Redis have 64 bits. */
const MAX_CURSOR = 2n ** 64n - 1n;

/**
 * `{keys?, types?, pattern?}` -> `{invalidated}`: deletes from both tiers and returns the number of deleted keys. A
 * 202 also has `postponed`: the number of keys, types and patterns whose deletion is pending.
 */
export function invalidateHandler(deps: HttpDeps) {
  const { cache, limits, counters } = deps;
  return operationHandler(
    deps,
    'POST /v1/invalidate',
    {
      // SIGHUP may change the limit.
      get maxItems() {
        return SPARE_ITEMS + 2 * limits.maxInvalidationKeys;
      },
    },
    async (body, { requester, exchange, client, concerns }) => {
      const { keys = [], types = [], pattern } = checkShape(INVALIDATION, body);
      if (keys.length === 0 && types.length === 0 && pattern === undefined)
        throw new ServiceError('body_invalid', 'at least one of keys, types and pattern is required', 'body');
      const matches: Match[] = [...new Set(types)].map((name) => ({ type: typeIndex(name)! }));
      if (pattern !== undefined) matches.push(patternMatch(pattern, counters));
      concerns({ target: pattern ?? (types.length > 0 ? types.join() : nameOf(keys[0])), keys: keys.length });
      // Keys are named by a client that knows them. Types and patterns reach keys that it does not know.
      if (keys.length > 0) requester.requireScope('write');
      if (matches.length > 0) requester.requireScope('admin');
      for (const match of matches) requester.requireMatch(match, 'type' in match ? 'types' : 'pattern');
      const distinct = await distinctKeys(keys, requester, deps);

      let invalidated = 0;
      let postponed = 0;
      const gone = () => exchange.done;
      for (let i = 0; i < distinct.length && !gone(); i += SLICE_KEYS) {
        await turns.next();
        const slice = distinct.slice(i, i + SLICE_KEYS);
        for (const { status } of await Promise.all(
          slice.map((key) => cache.delete(key, undefined, { client })),
        )) {
          if (status === 'deleted') invalidated++;
          if (status === 'accepted' || status === 'unknown') postponed++;
        }
      }
      for (const match of matches) {
        if (gone()) break;
        const deleted = await cache.invalidate(match, gone);
        if (deleted === undefined) postponed++;
        else invalidated += deleted;
      }
      return postponed === 0 ? [200, { invalidated }] : [202, { invalidated, postponed }];
    },
  );
}

/** The key for the audit line. */
function nameOf(key: unknown): string | undefined {
  return typeof key === 'string' ? key : undefined;
}

/** @throws ServiceError where a key is invalid or not allowed, or the keys are too many */
async function distinctKeys(
  keys: readonly unknown[],
  requester: Requester,
  { limits, counters }: HttpDeps,
): Promise<string[]> {
  const { maxInvalidationKeys, maxKeyBytes } = limits;
  if (keys.length > maxInvalidationKeys) {
    counters.countLimited('invalidation_keys');
    throw new ServiceError(
      'body_invalid',
      `at most ${maxInvalidationKeys} keys are allowed in one request`,
      'keys',
    );
  }
  const distinct = new Set<string>();
  for (const [i, key] of keys.entries()) {
    if (i > 0 && i % CHECKED_KEYS === 0) await turns.next();
    if (typeof key !== 'string') throw new ServiceError('body_invalid', 'expected a string', `keys[${i}]`);
    checkKey(key, maxKeyBytes, `keys[${i}]`);
    requester.requireKey(key, `keys[${i}]`);
    distinct.add(key);
  }
  return [...distinct];
}

/** -> `{removed}`: removes expired entries from L1 at once, not at the next sweep. */
export function cleanupHandler(deps: HttpDeps) {
  const { memory } = deps.cache;
  return operationHandler(
    deps,
    'POST /v1/cleanup',
    { maxItems: SPARE_ITEMS },
    async (body, { requester }) => {
      checkShape(NOTHING, body);
      requester.requireMatch(EVERYTHING, 'body');
      return [200, { removed: memory === undefined ? 0 : await sweep(memory) }];
    },
  );
}

/**
 * `{tier?: "local" | "all"}` -> `{flushed: {local, redis}}`: empties L1 and deletes all keys of the prefix from
 * Redis.
 */
export function flushHandler(deps: HttpDeps) {
  const { cache } = deps;
  return operationHandler(
    deps,
    'POST /v1/flush',
    { maxItems: SPARE_ITEMS },
    async (body, { requester, concerns }) => {
      const { tier = 'all' } = checkShape(FLUSH, body);
      concerns({ target: tier });
      requester.requireMatch(EVERYTHING, 'body');
      const local = cache.forgetAll();
      const redis = tier === 'all' && cache.store !== undefined ? await cache.invalidate(EVERYTHING) : 0;
      return redis === undefined
        ? [202, { flushed: { local, redis: 0 }, postponed: 1 }]
        : [200, { flushed: { local, redis } }];
    },
  );
}

/** `{pattern?, limit?}` -> `{warmed}`: loads entries from Redis into L1. */
export function warmupHandler(deps: HttpDeps) {
  const { cache, counters } = deps;
  return operationHandler(
    deps,
    'POST /v1/warmup',
    { maxItems: SPARE_ITEMS },
    async (body, { requester, concerns }) => {
      const { pattern = '*', limit = Number.POSITIVE_INFINITY } = checkShape(WARMUP, body);
      const match = patternMatch(pattern, counters);
      concerns({ target: pattern });
      requester.requireMatch(match, 'pattern');
      needStore(cache);
      return [200, { warmed: await warmFromStore(cache, match, limit) }];
    },
  );
}

/**
 * `?pattern=&type=&cursor=&limit=` -> `{keys: [{key, type, ttl}], cursor}`; lists L1 when standalone. A client with key
 * prefixes must ask for a pattern or a type within them.
 */
export function keysHandler(deps: HttpDeps, bodiless: boolean): GuardedHandler {
  const { cache, load, counters } = deps;
  return (res, req, principal) => {
    const exchange = new Exchange(res, load, counters, bodiless);
    exchange.operation = `${bodiless ? 'HEAD' : 'GET'} /v1/keys`;
    const requester = requesterOf(deps, exchange.operation, res, req, principal);
    attempt(exchange, deps, async () => {
      shedIfOverloaded(deps);
      const query = parametersOf(req.getQuery(), LIST_PARAMETERS);
      const match = matchFromQuery(query.get('pattern'), query.get('type'), counters);
      requester.requireMatch(match, query.has('type') ? 'type' : 'pattern');
      const cursor = cursorFromQuery(query.get('cursor'));
      const limit = limitFromQuery(query.get('limit'));
      const encoding = preferredEncoding(acceptOf(req));
      const listing =
        cache.store === undefined
          ? await listKeys(cache.memory!.entries(), match, cursor, limit, deps.clock.now)
          : await cache.store.list(match, cursor, limit);
      const keys = listing.keys.map(({ key, ttlMs }) => ({
        key,
        type: TYPES[typeOf(key)],
        ttl: ttlMs === undefined ? null : Math.ceil(ttlMs / 1000),
      }));
      sendData(exchange, encoding, 200, { keys, cursor: listing.cursor ?? null });
    });
  };
}

function needStore(cache: TwoLevel): void {
  if (cache.store === undefined)
    throw new ServiceError('standalone', 'warm-up reads from Redis; start the service with Redis');
}

function patternMatch(pattern: string, counters: Counters): Match {
  if (pattern.length === 0 || pattern.length > MAX_PATTERN_LENGTH || !pattern.isWellFormed())
    throw new ServiceError(
      'pattern_invalid',
      `expected a pattern of 1 to ${MAX_PATTERN_LENGTH} characters without a lone surrogate`,
      'pattern',
    );
  if (starsIn(pattern) > MAX_STARS) {
    counters.countLimited('pattern_stars');
    throw new ServiceError('pattern_too_complex', `expected at most ${MAX_STARS} stars`, 'pattern');
  }
  return { pattern };
}

function matchFromQuery(pattern: string | undefined, type: string | undefined, counters: Counters): Match {
  if (type === undefined) return pattern === undefined ? EVERYTHING : patternMatch(pattern, counters);
  if (pattern !== undefined)
    throw new ServiceError('query_invalid', 'send pattern or type, not both', 'type');
  const index: TypeIndex | undefined = typeIndex(type);
  if (index === undefined)
    throw new ServiceError('query_invalid', `expected one of ${TYPES.join(', ')}`, 'type');
  return { type: index };
}

function cursorFromQuery(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,20}$/.test(text) || BigInt(text) > MAX_CURSOR)
    throw new ServiceError('query_invalid', 'expected the cursor of the previous page', 'cursor');
  return text;
}

function limitFromQuery(text: string | undefined): number {
  if (text === undefined) return LIST_DEFAULT;
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > LIST_LIMIT)
    throw new ServiceError('query_invalid', `expected a whole number from 1 to ${LIST_LIMIT}`, 'limit');
  return limit;
}
