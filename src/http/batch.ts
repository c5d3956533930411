/** `POST /v1/mget`, `/v1/mset`, `/v1/mdelete`: many keys in one request, each with its own result. */

import * as v from 'valibot';
import { permitted } from '../access/permitted.ts';
import type { Requester } from '../access/requester.ts';
import {
  type Assignment,
  type BatchDetails,
  deleteMany,
  type Faulty,
  getMany,
  getManyOnTerms,
  setMany,
} from '../cache/batch.ts';
import { type CoherenceState, lesserState } from '../cache/bus.ts';
import { unlessNewer } from '../cache/condition.ts';
import { type Encoding, keep, type Value } from '../cache/entry.ts';
import { checkIdempotencyKey } from '../cache/idempotency.ts';
import { ttlMs } from '../cache/key-and-ttl.ts';
import { originFrom } from '../cache/origin.ts';
import { readWithQuality, WISHES, wishesFrom } from '../cache/quality/read.ts';
import { TERMS, termsFrom } from '../cache/read-on-terms.ts';
import { type AnswerLimit, type ItemResult, resultsAsJson, writeResults } from '../cache/results.ts';
import { tracedReads } from '../cache/traced-reads.ts';
import { checkMembers } from '../cache/unknown-names.ts';
import type { Span } from '../codec/msgpack-read.ts';
import { MsgpackWriter } from '../codec/msgpack-write.ts';
import { ServiceError } from '../errors.ts';
import type { Histogram } from '../metrics/histogram.ts';
import { attempt, readBody, shedIfOverloaded } from './body.ts';
import type { HttpDeps, Limits } from './deps.ts';
import { Exchange } from './exchange.ts';
import { CONTENT_TYPE } from './framing.ts';
import { clientOf, type GuardedHandler, requesterOf } from './guard.ts';
import { ONE_TURN_BYTES, readInTurns } from './large-body.ts';
import { acceptOf, bodyEncoding, mediaTypeOf, preferredEncoding } from './negotiate.ts';
import {
  type BodyForm,
  checkShape,
  type DecodedBody,
  decodeBody,
  decodeLargeBody,
  shapeOf,
} from './payload.ts';
import { checkNoParameters } from './query.ts';
import { valueFromText } from './value.ts';

const KEYS = shapeOf({ keys: v.array(v.string()) });
const READ = { ...KEYS, members: new Set([...KEYS.members, ...TERMS, ...WISHES]) };
const ENTRY = v.object({
  key: v.string(),
  value: v.optional(v.unknown()),
  ttl: v.optional(v.number()),
  idempotencyKey: v.optional(v.unknown()),
  asOf: v.optional(v.number()),
  source: v.optional(v.string()),
  suspect: v.optional(v.literal(true, 'suspect must be true or absent')),
  ifNewer: v.optional(v.literal(true, 'ifNewer must be true or absent')),
});
const ENTRY_MEMBERS: ReadonlySet<string> = new Set(Object.keys(ENTRY.entries));
const ENTRIES = shapeOf({ entries: v.array(ENTRY) });

type Run = (
  body: DecodedBody,
  requester: Requester,
  details: BatchDetails,
) => ItemResult[] | Promise<ItemResult[]>;

const itself = (key: string) => key;

/** A body with too many keys is refused by their number. A body with far more items is not even decoded. */
const ITEMS_SPARE = 1000;
const ITEMS_PER_ENTRY = 8;

export function mgetHandler(deps: HttpDeps) {
  const { cache, limits, counters } = deps;
  return batchHandler(
    deps,
    'POST /v1/mget',
    counters.getSeconds,
    () => keysForm(limits),
    (body, requester, { span }) => {
      const wanted = keysOf(body, limits.maxBatchKeys, READ);
      const data = body.data as Record<string, unknown>;
      const terms = termsFrom(data, 'body_invalid');
      const wishes = wishesFrom(data, 'body_invalid');
      const read = (keys: readonly string[]) =>
        tracedReads(cache, span, (reads) =>
          terms === undefined
            ? getMany(reads, keys, limits.maxKeyBytes)
            : getManyOnTerms(cache, reads, keys, limits.maxKeyBytes, terms),
        );
      const requireKey = (key: string) => requester.requireKey(key, 'fallback');
      return permitted(requester, wanted, itself, (keys) =>
        readWithQuality(cache.quality, keys, read, wishes, requireKey),
      );
    },
  );
}

export function mdeleteHandler(deps: HttpDeps) {
  const { cache, limits, counters } = deps;
  return batchHandler(
    deps,
    'POST /v1/mdelete',
    counters.deleteSeconds,
    () => keysForm(limits),
    (body, requester, details) =>
      permitted(requester, keysOf(body, limits.maxBatchKeys), itself, (keys) =>
        deleteMany(cache, keys, limits.maxKeyBytes, details),
      ),
  );
}

export function msetHandler(deps: HttpDeps) {
  const { cache, clock, limits, counters } = deps;
  const form = () => ({
    hasValues: true,
    maxItems: ITEMS_SPARE + ITEMS_PER_ENTRY * limits.maxBatchKeys,
  });
  return batchHandler(deps, 'POST /v1/mset', counters.setSeconds, form, async (body, requester, details) => {
    const assignments = assignmentsOf(body, limits, clock.now);
    const results = await permitted(
      requester,
      assignments,
      ({ key }) => key,
      (allowed) => setMany(cache, allowed, limits.maxKeyBytes, details),
    );
    for (const result of results) if ('warning' in result) counters.suspiciousKeyTypes++;
    return results;
  });
}

function keysForm({ maxBatchKeys }: Limits): BodyForm {
  return { hasValues: false, maxItems: ITEMS_SPARE + 2 * maxBatchKeys };
}

function batchHandler(
  deps: HttpDeps,
  operation: string,
  seconds: Histogram,
  form: () => BodyForm,
  run: Run,
): GuardedHandler {
  const { cache, counters, limits, load, clock } = deps;
  const writes = operation !== 'POST /v1/mget';
  const limit: AnswerLimit = {
    get maxBytes() {
      return limits.maxAnswerBytes;
    },
    onRefused: () => counters.countLimited('answer_bytes'),
  };
  return (res, req, principal) => {
    const exchange = new Exchange(res, load, counters, false, seconds);
    exchange.operation = operation;
    const requester = requesterOf(deps, operation, res, req, principal);
    const { span } = exchange;
    const details = { client: writes ? clientOf(res, principal) : undefined, span };
    let items = 0;
    if (writes) exchange.onOutcome = requester.auditWrite(() => ({ keys: items }));
    attempt(exchange, deps, () => {
      shedIfOverloaded(deps);
      checkNoParameters(req.getQuery());
      const encoding = bodyEncoding(req.getHeader(CONTENT_TYPE));
      const answerAs = preferredEncoding(acceptOf(req));
      const answer = (results: ItemResult[]) => {
        items = results.length;
        span?.set('ratecache.keys', items);
        span?.set('ratecache.state', cache.coherence);
        exchange.send(
          200,
          [['Content-Type', mediaTypeOf(answerAs)]],
          encodeReply(answerAs, results, clock.now, lesserState(cache.coherence), limit),
        );
      };
      readBody(exchange, req, deps, limits.maxBodyBytes, 'body_too_large', (body) => {
        if (body.length > ONE_TURN_BYTES)
          return attempt(exchange, deps, async () => {
            const decoded = await readInTurns(load, body, (copy) => decodeLargeBody(encoding, copy, form()));
            answer(await exchange.waitForRedis(Promise.resolve(run(decoded, requester, details))));
          });
        const results = run(decodeBody(encoding, body, form()), requester, details);
        if (Array.isArray(results)) answer(results);
        else attempt(exchange, deps, () => exchange.waitForRedis(results).then(answer));
      });
    });
  };
}

const writer = new MsgpackWriter();

/** @param coherence undefined if L1 is coherent, or if coherence is off */
function encodeReply(
  encoding: Encoding,
  results: ItemResult[],
  now: number,
  coherence: CoherenceState | undefined,
  limit: AnswerLimit,
): string | Buffer {
  if (encoding === 'json') {
    const state = coherence === undefined ? '' : `"coherence":"${coherence}",`;
    return `{${state}"results":${resultsAsJson(results, now, limit)}}`;
  }
  writer.reset();
  writer.map(coherence === undefined ? 1 : 2);
  if (coherence !== undefined) {
    writer.str('coherence');
    writer.str(coherence);
  }
  writer.str('results');
  writeResults(writer, results, now, limit);
  return writer.take();
}

function keysOf(body: DecodedBody, maxKeys: number, shape = KEYS): string[] {
  const { keys } = checkShape(shape, body.data);
  checkCount(keys.length, maxKeys, 'keys');
  return keys;
}

function assignmentsOf(body: DecodedBody, limits: Limits, now: number): (Assignment | Faulty)[] {
  const { maxValueBytes } = limits;
  const { entries } = checkShape(ENTRIES, body.data);
  checkCount(entries.length, limits.maxBatchKeys, 'entries');
  // Checks the body as sent, because the output of the schema contains known members only.
  for (const [i, entry] of (body.data as { entries: object[] }).entries.entries())
    checkMembers(entry, ENTRY_MEMBERS, 'body_invalid', `entries[${i}].`);
  const values = entries.map(({ value }) => valueAt(body, value as Span | undefined));
  return entries.map(({ key, ttl, idempotencyKey, ifNewer, ...members }, i) => {
    const value = values[i];
    const field = `entries[${i}]`;
    try {
      if (value === undefined)
        throw new ServiceError('body_invalid', 'the entry has no value', `${field}.value`);
      if (value.body.length > maxValueBytes)
        throw new ServiceError(
          'value_too_large',
          `at most ${maxValueBytes} bytes are allowed`,
          `${field}.value`,
        );
      const origin = originFrom(members, now);
      const condition = ifNewer === undefined ? undefined : unlessNewer(origin);
      return {
        key,
        value,
        ttlMs: ttl === undefined ? undefined : ttlMs(ttl, `${field}.ttl`),
        origin,
        condition,
        ...(idempotencyKey === undefined
          ? {}
          : { idempotencyKey: checkIdempotencyKey(idempotencyKey, `${field}.idempotencyKey`) }),
      };
    } catch (fault) {
      if (!(fault instanceof ServiceError)) throw fault;
      return { key, fault };
    }
  });
}

/**
 * The value as the client sent it. To decode and encode it again would change some values.
 * @param span its position; undefined if the entry has no value
 */
function valueAt(body: DecodedBody, span: Span | undefined): Value | undefined {
  if (span === undefined) return undefined;
  if (body.encoding === 'json') return valueFromText(body.text.slice(...span));
  return { encoding: 'msgpack', body: keep('msgpack', body.bytes.subarray(...span)) };
}

function checkCount(count: number, max: number, field: string): void {
  if (count > max)
    throw new ServiceError('body_invalid', `at most ${max} ${field} are allowed in one request`, field);
}
