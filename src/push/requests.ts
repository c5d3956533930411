/** The operations of WebSocket requests, by their `op`. */
import { permitted } from '../access/permitted.ts';
import { nameOfClient, type Scope } from '../access/principal.ts';
import type { Requester } from '../access/requester.ts';
import type { SlowRequests } from '../access/slow-requests.ts';
import { getMany, getManyOnTerms } from '../cache/batch.ts';
import { lesserState } from '../cache/bus.ts';
import { type Condition, unlessNewer, whyRefused } from '../cache/condition.ts';
import { checkIdempotencyKey } from '../cache/idempotency.ts';
import { checkKey, ttlMs } from '../cache/key-and-ttl.ts';
import { keyWarning } from '../cache/key-warning.ts';
import { type Origin, originFrom } from '../cache/origin.ts';
import { readWithQuality, WISHES, wishesFrom } from '../cache/quality/read.ts';
import { TERMS, termsFrom } from '../cache/read-on-terms.ts';
import type { ItemResult } from '../cache/results.ts';
import { describeRead, tracedReads } from '../cache/traced-reads.ts';
import type { TwoLevel } from '../cache/two-level.ts';
import { checkMembers } from '../cache/unknown-names.ts';
import { isVersion } from '../cache/version.ts';
import { ERRORS, ServiceError } from '../errors.ts';
import type { TraceSpan } from '../tracing/tracing.ts';
import { admit, authenticate } from './authenticate.ts';
import type { Frame, RequestId } from './codec.ts';
import type { Consumer } from './consumer.ts';
import type { RequestDeps } from './deps.ts';
import { heartbeat } from './heartbeat.ts';
import { requesterOf } from './owner.ts';
import { register, registeredKeys, unregister } from './register.ts';
import { endFrame } from './request-span.ts';
import { subscribe, unsubscribe } from './subscribe.ts';

/** Open requests per socket. Further requests are rejected, so that a client cannot queue work without limit. */
const MAX_IN_FLIGHT = 1024;

/** The service stores the id of each subscription. */
const MAX_ID_LENGTH = 128;

type Operation = (
  deps: RequestDeps,
  consumer: Consumer,
  id: RequestId,
  frame: Frame,
  requester: Requester,
  span: TraceSpan | undefined,
) => void | Promise<void>;

const CONDITIONS = ['ifVersion', 'ifAbsent', 'ifExists'];
const FOR_WRITES = [...CONDITIONS, 'idempotencyKey'];

/** The members of each operation's request, in addition to `id` and `op`. */
const MEMBERS = {
  auth: ['token'],
  get: ['key', ...TERMS, ...WISHES],
  mget: ['keys', 'ids', ...TERMS, ...WISHES],
  register: ['keys', 'first'],
  unregister: [],
  set: ['key', 'value', 'ttl', 'asOf', 'source', 'suspect', ...FOR_WRITES, 'ifNewer'],
  delete: ['key', ...FOR_WRITES],
  subscribe: ['keys', 'types', 'prefixes', 'values', 'interval', 'resume'],
  unsubscribe: ['subscription'],
  ping: [],
  heartbeat: ['interval'],
} as const satisfies Record<string, readonly string[]>;

/** The scope that an operation needs. The others only concern the socket itself. */
const SCOPES: ReadonlyMap<string, Scope> = new Map([
  ['get', 'read'],
  ['mget', 'read'],
  ['register', 'read'],
  ['set', 'write'],
  ['delete', 'write'],
  ['subscribe', 'read'],
]);

const RUN: Readonly<Record<keyof typeof MEMBERS, Operation>> = {
  auth(deps, consumer, id, { data }) {
    return authenticate(deps.access, consumer, id, textOf(data, 'token'));
  },

  get(deps, consumer, id, { data }, requester, span) {
    const { cache, clock, hub } = deps;
    const key = textOf(data, 'key');
    requester.requireKey(key);
    const isPlain =
      !cache.quality.active &&
      data.halted === undefined &&
      data.fallback === undefined &&
      termsFrom(data, 'frame_invalid') === undefined;
    const entry = isPlain ? tracedReads(hub, span, (reads) => reads.peek(key)) : undefined;
    if (entry !== undefined && !entry.isSuspect) {
      if (span !== undefined) describeRead(span, cache.stateOf(key), entry, clock.now);
      consumer.reply(consumer.codec.item(id, { key, status: 'hit', entry }, clock.now, cache.coherence));
      return;
    }
    shedIfOverloaded(deps);
    checkKey(key, deps.limits.maxKeyBytes);
    return answerOne(deps, consumer, id, readKeys(deps, requester, data, [key], span), span);
  },

  mget(deps, consumer, id, { data }, requester, span) {
    shedIfOverloaded(deps);
    const { cache, clock, counters, limits } = deps;
    const limit = { maxBytes: limits.maxAnswerBytes, onRefused: () => counters.countLimited('answer_bytes') };
    if (data.ids !== undefined && data.keys !== undefined)
      throw new ServiceError('frame_invalid', 'send either keys or ids', 'ids');
    const run = (keys: readonly string[]) => readKeys(deps, requester, data, keys, span);
    const results =
      data.ids === undefined
        ? permitted(requester, keysOf(data, limits.maxBatchKeys), (key) => key, run)
        : // The rights were checked when the keys were registered, and are checked again with every new token.
          run(registeredKeys(consumer, data, limits.maxBatchKeys));
    const answer = (all: ItemResult[]) => {
      span?.set('ratecache.keys', all.length);
      span?.set('ratecache.state', cache.coherence);
      consumer.reply(consumer.codec.results(id, all, clock.now, cache.coherence, limit));
    };
    if (!Array.isArray(results)) return results.then(answer);
    answer(results);
  },

  register(deps, consumer, id, { data }, requester) {
    shedIfOverloaded(deps);
    register(deps, consumer, id, keysOf(data, deps.limits.maxBatchKeys), data.first, requester);
  },
  unregister,

  async set(deps, consumer, id, frame, requester, span) {
    shedIfOverloaded(deps);
    const { cache, clock, limits } = deps;
    const key = textOf(frame.data, 'key');
    requester.requireKey(key);
    checkKey(key, limits.maxKeyBytes);
    const value = frame.value();
    if (value === undefined) throw new ServiceError('value_invalid', 'a set requires a value', 'value');
    if (value.body.length > limits.maxValueBytes)
      throw new ServiceError('value_too_large', `at most ${limits.maxValueBytes} bytes are allowed`, 'value');
    const { ttl } = frame.data;
    const origin = originFrom(frame.data, clock.now);
    const condition = conditionOf(frame.data, origin);
    const life = ttl === undefined ? undefined : ttlMs(ttl, 'ttl');
    const idempotencyKey = idempotencyKeyOf(frame.data);
    const details = { client: clientOf(consumer), idempotencyKey, origin, span };
    const outcome = await cache.set(key, value, life, condition, details);
    if (outcome.status === 'refused') throw refusal(condition, outcome.version);
    const { status, version } = outcome;
    const warning = keyWarning(key);
    if (warning !== undefined) deps.counters.suspiciousKeyTypes++;
    const warned = warning === undefined ? {} : { warning };
    consumer.reply(consumer.codec.done(id, { ...stateOf(cache), key, status, version, ...warned }));
  },

  async delete(deps, consumer, id, { data }, requester, span) {
    shedIfOverloaded(deps);
    const { cache, limits } = deps;
    const key = textOf(data, 'key');
    requester.requireKey(key);
    checkKey(key, limits.maxKeyBytes);
    const condition = conditionOf(data);
    const outcome = await cache.delete(key, condition, {
      client: clientOf(consumer),
      idempotencyKey: idempotencyKeyOf(data),
      span,
    });
    if (outcome.status === 'refused') throw refusal(condition, outcome.version);
    consumer.reply(consumer.codec.done(id, { ...stateOf(cache), key, status: outcome.status }));
  },

  subscribe(deps, consumer, id, frame, requester) {
    shedIfOverloaded(deps);
    return subscribe(deps, consumer, id, frame, requester);
  },
  unsubscribe,

  ping(_deps, consumer, id) {
    consumer.reply(consumer.codec.done(id));
  },
  heartbeat,
};

/** The member `coherence` of an answer, while L1 is degraded or blind. */
function stateOf({ coherence }: TwoLevel): { coherence?: string } {
  const state = lesserState(coherence);
  return state === undefined ? {} : { coherence: state };
}

interface KnownOperation {
  readonly run: Operation;
  readonly members: ReadonlySet<string>;
}

const OPERATIONS: ReadonlyMap<string, KnownOperation> = new Map(
  (Object.keys(MEMBERS) as (keyof typeof MEMBERS)[]).map((op) => [
    op,
    { run: RUN[op], members: new Set(['id', 'op', ...MEMBERS[op]]) },
  ]),
);

export const OPERATION_NAMES: readonly string[] = [...OPERATIONS.keys()];

/**
 * Runs a request, synchronously where possible. Every request gets one answer, with its `id`.
 * @param bytes the size of the frame
 * @throws ServiceError `frame_invalid` if the request has no usable `id`
 */
export function handle(deps: RequestDeps, consumer: Consumer, frame: Frame, bytes: number): void {
  const { id, op } = frame.data;
  if (!isRepeatable(id))
    throw new ServiceError(
      'frame_invalid',
      'expected an id that is a string of up to 128 characters, or a number; integers may be up to 2^53 - 1',
      'id',
    );
  const operation = typeof op === 'string' ? OPERATIONS.get(op) : undefined;
  let span: TraceSpan | undefined;
  try {
    countRequest(deps, consumer, bytes);
    if (operation === undefined)
      throw new ServiceError('frame_invalid', `expected one of ${OPERATION_NAMES.join(', ')}`, 'op');
    if (consumer.inFlight >= MAX_IN_FLIGHT)
      throw new ServiceError('overloaded', `at most ${MAX_IN_FLIGHT} requests of a socket may be open`);
    checkMembers(frame.data, operation.members, 'frame_invalid');
    span = deps.tracing?.start(`ws ${op}`, 'server');
    const requester = requesterOf(deps.access, consumer.owner, op as string);
    const scope = SCOPES.get(op as string);
    if (scope !== undefined) admit(deps.access, consumer, requester, scope);
    const later = operation.run(deps, consumer, id, frame, requester, span);
    if (later === undefined) return endFrame(span, frame);
    consumer.inFlight++;
    const audit = scope === 'write' ? auditOf(requester, frame) : undefined;
    const slowRequests = deps.slow?.();
    const slow = slowRequests && slowReport(slowRequests, op as string, frame);
    void later
      .then(
        () => {
          audit?.('ok');
          slow?.('ok');
          endFrame(span, frame);
        },
        (error) => {
          const outcome = error instanceof ServiceError ? error.code : 'internal';
          audit?.(outcome);
          slow?.(outcome);
          endFrame(span, frame, error);
          refuse(deps, consumer, id, error);
        },
      )
      .finally(() => {
        consumer.inFlight--;
      });
  } catch (error) {
    endFrame(span, frame, error);
    refuse(deps, consumer, id, error);
  }
}

/** Who makes the changes of a socket, for its share of the pending writes. */
function clientOf({ owner: { principal, network } }: Consumer): string {
  return nameOfClient(principal) ?? network;
}

/** @throws RateLimited */
function countRequest({ access: { rates } }: RequestDeps, { owner }: Consumer, bytes: number): void {
  const ofAddress = rates.limitsAddresses ? rates.countAddress(owner.network) : undefined;
  ofAddress?.(bytes);
  if (owner.principal?.limits !== undefined) rates.countPrincipal(owner.principal)?.(bytes);
}

/** Returns a function for the outcome of a write, which logs it; undefined without AUDIT_WRITES. */
function auditOf(requester: Requester, { data: { key } }: Frame): ((outcome: string) => void) | undefined {
  return requester.auditWrite(() => ({ target: typeof key === 'string' ? key : undefined }));
}

/** Returns a function for the outcome, which logs the request if it was slow. */
function slowReport(slow: SlowRequests, op: string, { data: { key } }: Frame): (outcome: string) => void {
  const start = performance.now();
  return (outcome) => {
    const ms = performance.now() - start;
    const named = typeof key === 'string' ? key : undefined;
    if (ms >= slow.thresholdMs) slow.report({ operation: `ws ${op}`, key: named, outcome, ms });
  };
}

/** Whether an answer can repeat the id. JSON.parse loses digits of larger integers, and turns 1e999 into Infinity. */
function isRepeatable(id: unknown): id is RequestId {
  if (typeof id === 'string') return id.length <= MAX_ID_LENGTH;
  return Number.isSafeInteger(id) || (Number.isFinite(id) && !Number.isInteger(id));
}

function refuse(deps: RequestDeps, consumer: Consumer, id: RequestId, error: unknown): void {
  const known = error instanceof ServiceError;
  consumer.reply(consumer.codec.failed(id, known ? error : new ServiceError('internal', ERRORS.internal[1])));
  if (!known) deps.onFault(error);
}

/** Reads the keys as the members of the request demand. */
function readKeys(
  { cache, hub, limits }: RequestDeps,
  requester: Requester,
  data: Frame['data'],
  keys: readonly string[],
  span: TraceSpan | undefined,
): ItemResult[] | Promise<ItemResult[]> {
  const terms = termsFrom(data, 'frame_invalid');
  const wishes = wishesFrom(data, 'frame_invalid');
  const read = (some: readonly string[]) =>
    tracedReads(hub, span, (reads) =>
      terms === undefined
        ? getMany(reads, some, limits.maxKeyBytes)
        : getManyOnTerms(cache, reads, some, limits.maxKeyBytes, terms),
    );
  return readWithQuality(cache.quality, keys, read, wishes, (key) => requester.requireKey(key, 'fallback'));
}

async function answerOne(
  { cache, clock }: RequestDeps,
  consumer: Consumer,
  id: RequestId,
  results: ItemResult[] | Promise<ItemResult[]>,
  span: TraceSpan | undefined,
): Promise<void> {
  const [result] = await results;
  if (span !== undefined) {
    const entry = result!.status === 'hit' ? result!.entry : undefined;
    describeRead(span, cache.stateOf(result!.key), entry, clock.now);
  }
  consumer.reply(consumer.codec.item(id, result!, clock.now, cache.coherence));
}

/** @throws ServiceError `overloaded` */
function shedIfOverloaded({ overloaded }: RequestDeps): void {
  if (overloaded())
    throw new ServiceError('overloaded', 'the event loop is late; the service answers only reads of L1 hits');
}

function textOf(data: Frame['data'], name: string): string {
  const text = data[name];
  if (typeof text !== 'string') throw new ServiceError('frame_invalid', `${name} must be a string`, name);
  return text;
}

function keysOf(data: Frame['data'], max: number): string[] {
  const { keys } = data;
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === 'string'))
    throw new ServiceError('frame_invalid', 'keys must be an array of strings', 'keys');
  if (keys.length > max) throw new ServiceError('frame_invalid', `at most ${max} keys are allowed`, 'keys');
  return keys;
}

function conditionOf(
  { ifVersion, ifAbsent, ifExists, ifNewer }: Frame['data'],
  origin?: Origin,
): Condition | undefined {
  const given = [ifVersion, ifAbsent, ifExists, ifNewer].filter((condition) => condition !== undefined);
  if (given.length === 0) return undefined;
  if (given.length > 1)
    throw new ServiceError(
      'frame_invalid',
      `send only one of ${CONDITIONS.join(', ')} and ifNewer`,
      'ifVersion',
    );
  if (ifVersion !== undefined) {
    if (typeof ifVersion !== 'string' || !isVersion(ifVersion))
      throw new ServiceError('frame_invalid', 'expected the version of an earlier answer', 'ifVersion');
    return { is: 'if-version', versions: [ifVersion] };
  }
  const name = ifAbsent !== undefined ? 'ifAbsent' : ifExists !== undefined ? 'ifExists' : 'ifNewer';
  if (given[0] !== true) throw new ServiceError('frame_invalid', `${name} must be true or absent`, name);
  if (name === 'ifNewer') return unlessNewer(origin);
  return { is: name === 'ifExists' ? 'if-exists' : 'if-absent' };
}

function idempotencyKeyOf({ idempotencyKey }: Frame['data']): string | undefined {
  return idempotencyKey === undefined ? undefined : checkIdempotencyKey(idempotencyKey, 'idempotencyKey');
}

function refusal(condition: Condition | undefined, present: string | undefined): ServiceError {
  return new ServiceError('precondition_failed', whyRefused(condition, present));
}
