/** `GET` and `HEAD /v1/cache/{key}`: the hot path, and what happens off it. */

import { allowsKey, type Principal } from '../access/principal.ts';
import type { Requester } from '../access/requester.ts';
import type { Body, Encoding, Entry } from '../cache/entry.ts';
import { checkKey } from '../cache/key-and-ttl.ts';
import type { Loaded } from '../cache/loaded.ts';
import type { FallbackCause, Verdict } from '../cache/quality/quality.ts';
import { fallbackFor, Halted, NO_WISHES, WISHES, type Wishes, wishesFrom } from '../cache/quality/read.ts';
import { l1OnTerms, loadOnTerms, TermsNotMet } from '../cache/read-on-terms.ts';
import type { Terms } from '../cache/terms.ts';
import { describeRead, type Reads, tracedReads } from '../cache/traced-reads.ts';
import { NotConvertible } from '../codec/errors.ts';
import { ServiceError } from '../errors.ts';
import { type HttpRequest, type HttpResponse, listOf } from '../uws.ts';
import { endAsRead, LARGE_BYTES } from './as-read.ts';
import { attempt, shedIfOverloaded } from './body.ts';
import { loadedStatus } from './cache-status.ts';
import { checkFraming } from './check-framing.ts';
import type { HttpDeps } from './deps.ts';
import { type Form, matchingForm } from './etag.ts';
import { Exchange, type Headers, JSON_TYPE } from './exchange.ts';
import { ACCEPT, CACHE_CONTROL, IF_NONE_MATCH, isPlainRead } from './framing.ts';
import { type GuardedHandler, requesterOf } from './guard.ts';
import { acceptsGzip, COMPRESSIBLE_BYTES } from './gzip.ts';
import { describe, headOf } from './head.ts';
import { acceptedEncodings, acceptOf, mediaTypeOf } from './negotiate.ts';
import { parametersOf } from './query.ts';
import { CACHE_PATH, encodedKeyOf, keyFromPath } from './request.ts';
import { termsIn } from './terms.ts';

// Timing a hit costs a tenth of the hit, so one hit in this many is timed and counts for all of them. Every request on
// the slow path is timed there.
const TIMED_EVERY = 64;

const READ_PARAMETERS: ReadonlySet<string> = new Set(WISHES);

/** The handler of GET, or with `bodiless` of HEAD. */
export function readHandler(deps: HttpDeps, bodiless: boolean): GuardedHandler {
  const { cache, clock, counters, load, maxAge } = deps;
  const { quality } = cache;
  const seconds = counters.getSeconds;
  // The first hit is timed, so that a sample exists for the hits that follow.
  let timedAfter = 0;
  // What is corked, and functions that are made once: made for each hit they would cost as much as corking.
  let corked: HttpResponse;
  let head: string;
  let body: Body;
  const send = () => {
    corked.onAborted(unsent);
    corked.writeStatus(head).end(body, load.closesNext());
  };
  const sendAsRead = () => {
    corked.writeStatus(head);
    if (load.closesNext()) corked.writeHeader('Connection', 'close');
    if (endAsRead(corked, body, sent)) return;
    load.open++;
    corked.onAborted(aborted);
  };
  // The buffer of corked answers may overflow while the socket of a client that does not read is full. Both addons then
  // drop the end of the answer, and end the process unless a handler is attached. With a handler, they close the
  // connection at its next request.
  const unsent = () => {
    counters.httpAborted++;
  };
  const sent = () => {
    load.open--;
  };
  const aborted = () => {
    counters.httpAborted++;
    sent();
  };

  return (res, req, principal) => {
    const encoded = encodedKeyOf(req);
    const entry = cache.peek(encoded);
    // An encoded key takes the slow path, which also answers a broken encoding. So does a suspect value. The entry
    // knows both, because to search each key of a request for `%` costs a hit 1 % of its instructions.
    if (entry === undefined || entry.needsCare || (principal !== undefined && !allowsKey(principal, encoded)))
      return readSlowly(deps, res, req, principal, encoded, bodiless, entry && foundIn(entry));
    const timed = seconds.untimed >= timedAfter;
    const start = timed ? performance.now() : 0;

    const accept = req.getHeader(ACCEPT);
    const plain = accept === '' || accept === '*/*' || accept === JSON_TYPE;
    const json = plain ? entry.plainJson : undefined;
    if (
      json === undefined ||
      bodiless ||
      (quality.active && quality.of(entry) !== undefined) ||
      !isPlainRead(req) ||
      req.getHeader(IF_NONE_MATCH) !== '' ||
      req.getHeader(CACHE_CONTROL) !== '' ||
      // Small values are never compressed, so their hits do not pay for the header.
      (json.length >= COMPRESSIBLE_BYTES && acceptsGzip(req.getHeader('accept-encoding')))
    )
      return readSlowly(deps, res, req, principal, encoded, bodiless, foundIn(entry));
    counters.httpResponses[2]!++;
    corked = res;
    head = headOf(entry, json.length, maxAge, clock.now);
    body = json;
    const asRead = json.length >= LARGE_BYTES || load.checks.draws(head.length + json.length);
    // uWS collects the answers to a chunk of requests in 16 KB, and sends every further piece with a system call.
    res.cork(asRead ? sendAsRead : send);
    if (timed) {
      seconds.observeSample((performance.now() - start) / 1000);
      timedAfter = TIMED_EVERY - 1;
    } else seconds.untimed++;
  };
}

/** The handler of sampled requests: the hot path records nothing. */
export function sampledReadHandler(deps: HttpDeps, bodiless: boolean): GuardedHandler {
  return (res, req, principal) => readSlowly(deps, res, req, principal, encodedKeyOf(req), bodiless);
}

/** What a peek with an encoded key has found. With a `%` the entry belongs to another key. */
function foundIn(entry: Entry): Loaded | undefined {
  return entry.hasPercent ? undefined : { entry, source: 'l1' };
}

/** Everything but the plain hit. */
function readSlowly(
  deps: HttpDeps,
  res: HttpResponse,
  req: HttpRequest,
  principal: Principal | undefined,
  encoded: string,
  bodiless: boolean,
  found?: Loaded,
): void {
  if (!checkFraming(deps, res, req, 'none')) return;
  const exchange = new Exchange(res, deps.load, deps.counters, bodiless, deps.counters.getSeconds);
  const accepted = {
    accept: acceptOf(req),
    gzip: acceptsGzip(listOf(req, 'accept-encoding')),
    ifNoneMatch: listOf(req, 'if-none-match'),
  };
  const query = req.getQuery();
  const cacheControl = listOf(req, 'cache-control');
  const operation = bodiless ? 'HEAD /v1/cache/{key}' : 'GET /v1/cache/{key}';
  const requester = requesterOf(deps, operation, res, req, principal);
  const answer: Answer = (loaded, verdict, marks = []) =>
    sendLoaded(deps, exchange, loaded, verdict, accepted, marks);

  exchange.operation = operation;
  attempt(exchange, deps, () => {
    const key = keyFromPath(encoded);
    exchange.key = key;
    requester.requireKey(key);
    const { cache } = deps;
    const { quality } = cache;
    const terms = cacheControl === '' ? undefined : termsIn(cacheControl);
    const halt = quality.haltOf(key);
    if (halt !== undefined) {
      const wishes = wishesIn(query);
      if (!wishes.servesHalted)
        return answerHalted(deps, exchange, requester, key, halt, wishes, answer, terms);
    }
    const hit = found ?? tracedReads(cache, exchange.span, (reads) => peekAt(reads, key));
    const answered = terms === undefined ? hit : l1OnTerms(cache, terms, hit?.entry);
    const verdict = answered?.entry && quality.of(answered.entry);
    if (answered !== undefined && (verdict === undefined || query === '')) return answer(answered, verdict);
    shedIfOverloaded(deps);
    checkKey(key, deps.limits.maxKeyBytes);
    return readThrough(deps, exchange, requester, key, answered, wishesIn(query), answer, terms);
  });
}

function peekAt(reads: Reads, key: string): Loaded | undefined {
  const entry = reads.peek(key);
  return entry === undefined ? undefined : { entry, source: 'l1' };
}

type Answer = (loaded: Loaded, verdict?: Verdict, marks?: Headers) => void | Promise<void>;

/** @param answered what L1 has, if the terms allow it */
async function readThrough(
  deps: HttpDeps,
  exchange: Exchange,
  requester: Requester,
  key: string,
  answered: Loaded | undefined,
  wishes: Wishes,
  answer: Answer,
  terms: Terms | undefined,
): Promise<void> {
  const { cache } = deps;
  const { quality } = cache;
  const load = loadOf(deps, exchange);
  const loaded = answered ?? (await (terms === undefined ? load(key) : loadOnTerms(cache, key, terms, load)));
  const verdict = loaded.entry && quality.of(loaded.entry);
  // The mark was set while the value was read.
  if (verdict?.quality === 'halted' && !wishes.servesHalted) throw new Halted(verdict);
  const cause = loaded.entry === undefined ? 'miss' : verdict?.quality;
  const instead = cause && (await substitute(deps, exchange, requester, key, cause, wishes, terms));
  return instead === undefined ? answer(loaded, verdict) : answer(...instead);
}

async function answerHalted(
  deps: HttpDeps,
  exchange: Exchange,
  requester: Requester,
  key: string,
  halt: Verdict,
  wishes: Wishes,
  answer: Answer,
  terms: Terms | undefined,
): Promise<void> {
  const instead = await substitute(deps, exchange, requester, key, 'halted', wishes, terms).catch(
    withinTerms,
  );
  if (instead !== undefined) return answer(...instead);
  exchange.sendProblem(new Halted(halt), [['Cache-Status', 'ratecache-l1; detail=halted']]);
}

/** A fallback that breaks the terms does not count. */
function withinTerms(error: unknown): undefined {
  if (!(error instanceof TermsNotMet)) throw error;
}

/** Returns how the request loads a key that L1 does not answer. */
function loadOf({ cache }: HttpDeps, exchange: Exchange): (key: string) => Promise<Loaded> {
  return (key) => exchange.waitForRedis(tracedReads(cache, exchange.span, (reads) => reads.load(key)));
}

/** The minimum rate of the ticker, if the reader wants it for this cause and it can be served. */
async function substitute(
  deps: HttpDeps,
  exchange: Exchange,
  requester: Requester,
  key: string,
  cause: FallbackCause,
  wishes: Wishes,
  terms: Terms | undefined,
): Promise<Parameters<Answer> | undefined> {
  const { cache } = deps;
  const fallback = wishes.fallback ? fallbackFor(key) : undefined;
  if (fallback === undefined || !cache.quality.fallbackOn.has(cause)) return undefined;
  requester.requireKey(fallback, 'fallback');
  const load = loadOf(deps, exchange);
  const hit = tracedReads(cache, exchange.span, (reads) => peekAt(reads, fallback));
  const loaded =
    terms === undefined
      ? (hit ?? (await load(fallback)))
      : (l1OnTerms(cache, terms, hit?.entry) ?? (await loadOnTerms(cache, fallback, terms, load)));
  if (loaded.entry === undefined) return undefined;
  const verdict = cache.quality.of(loaded.entry);
  if (verdict?.quality === 'halted') return undefined;
  // The answer is marked. No cache may store the minimum rate under the name of the borrow rate.
  return [loaded, verdict, [['Content-Location', CACHE_PATH + encodeURIComponent(fallback)]]];
}

/** @throws ServiceError `query_invalid` for any other parameter or value */
function wishesIn(query: string): Wishes {
  if (query === '') return NO_WISHES;
  return wishesFrom(Object.fromEntries(parametersOf(query, READ_PARAMETERS)), 'query_invalid');
}

/** What a client accepts. */
interface Accepted {
  readonly accept: string;
  readonly gzip: boolean;
  readonly ifNoneMatch: string;
}

function sendLoaded(
  deps: HttpDeps,
  exchange: Exchange,
  loaded: Loaded,
  verdict: Verdict | undefined,
  accepted: Accepted,
  marks: Headers,
): void | Promise<void> {
  const { clock, cache } = deps;
  const { entry } = loaded;
  const { span } = exchange;
  if (span !== undefined) describeRead(span, cache.stateOf(exchange.key!), entry, clock.now);
  const status = loadedStatus(loaded, cache, clock.now, verdict);
  if (entry === undefined) return exchange.sendProblem(missFault(loaded), [['Cache-Status', status]]);

  const sendable = bodyFor(entry, accepted.accept);
  // The read counts as a hit: the cache has the value, and only this client does not accept it.
  if (sendable instanceof ServiceError) return exchange.sendProblem(sendable, [['Cache-Status', status]]);
  const [encoding, body] = sendable;
  const bytes = Buffer.byteLength(body);
  const headersOf = (form: Form) => {
    const headers = describe(entry, form, bytes, deps.maxAge, status, clock.now);
    if (marks.length > 0) return markFallback(headers, marks);
    return verdict === undefined ? headers : withoutStoring(headers);
  };
  const send = (gzipped: Buffer | undefined) => {
    const headers = headersOf({ encoding, gzipped: gzipped !== undefined });
    if (gzipped === undefined) exchange.send(200, headers, body);
    else exchange.send(200, [...headers, ['Content-Encoding', 'gzip']], gzipped);
  };

  const gzip = accepted.gzip && bytes >= COMPRESSIBLE_BYTES;
  if (accepted.ifNoneMatch !== '') {
    const others = acceptedEncodings(accepted.accept).filter((each) => each !== encoding);
    const forms = [encoding, ...others].flatMap((each): Form[] => {
      const plain = { encoding: each, gzipped: false };
      return accepted.gzip ? [plain, { encoding: each, gzipped: true }] : [plain];
    });
    const form = matchingForm(accepted.ifNoneMatch, entry.version, forms);
    if (form !== undefined) return exchange.send(304, headersOf(form));
  }
  // Another read of an entry that L1 does not store would compress it again.
  const stored = loaded.source === 'l1' || loaded.kept;
  const gzipped = gzip && stored ? deps.gzipped.get(entry, encoding, body) : undefined;
  if (!(gzipped instanceof Promise)) return send(gzipped);
  return gzipped.then(send);
}

/** HTTP caches do not notice when the quality changes, so they must not store a value that is not good. */
function withoutStoring(headers: Headers): Headers {
  return headers.map(([name, value]) => [name, name === 'Cache-Control' ? 'no-store' : value] as const);
}

function markFallback(headers: Headers, marks: Headers): Headers {
  const marked = headers.map(([name, value]) => {
    if (name === 'Cache-Control') return [name, 'no-store'] as const;
    if (name === 'Cache-Status') return [name, `${value}; fallback`] as const;
    return [name, value] as const;
  });
  return [...marked, ...marks];
}

/** The entry in the client's preferred encoding among the encodings that can represent it unchanged. */
function bodyFor(entry: Entry, accept: string): [Encoding, Body] | ServiceError {
  const encodings = acceptedEncodings(accept);
  let reason = 'accept application/json or application/vnd.msgpack';
  for (const encoding of encodings) {
    try {
      return [encoding, encoding === 'json' ? entry.json : entry.msgpack];
    } catch (error) {
      if (!(error instanceof NotConvertible)) throw error;
      reason = `${mediaTypeOf(encoding)} cannot represent the value unchanged: ${error.message}`;
    }
  }
  return new ServiceError('not_acceptable', reason, 'Accept');
}

function missFault({ source, fault, outdatedBy }: Loaded): ServiceError {
  if (outdatedBy !== undefined)
    return new ServiceError('cache_miss', `the value is older than its input ${outdatedBy}`);
  if (source === 'none') return new ServiceError('cache_miss', 'no tier has a value for the key');
  if (source === 'pending')
    return new ServiceError('cache_miss', 'a pending write of this process deleted the key');
  const failure = fault?.reason === 'unavailable' ? 'Redis was not used' : 'the read from Redis failed';
  return new ServiceError('cache_unknown', `L1 has no value for the key, and ${failure}: ${fault?.message}`);
}
