import { TYPES } from '../key.ts';
import { Histogram } from './histogram.ts';

const perType = () => new Float64Array(TYPES.length);

/** What the service limits, as the label of a counter. `docs/security/limits.md` explains each. */
export const LIMITS = [
  'address_bytes',
  'address_requests',
  'answer_bytes',
  'connections',
  'invalidation_keys',
  'pattern_stars',
  'pending_writes_share',
  'questions',
  'subscribed_names',
  'token_bytes',
  'token_requests',
] as const;

export type Limit = (typeof LIMITS)[number];

/**
 * All counters of the service, as plain numbers. They are incremented in place, and read by `prometheus.ts` at scrape
 * time and by `/stats`. Arrays are indexed by `TypeIndex`.
 */
export class Counters {
  /** Reads that L1 answered with a fresh value. */
  readonly l1Hits = perType();
  /** Reads that L1 could not answer: the entry was absent, expired or stale. */
  readonly l1Misses = perType();
  /** Reads that Redis answered with a value. */
  readonly l2Hits = perType();
  /** Reads that found the key in neither tier. */
  readonly misses = perType();
  /** Reads that L1 answered with a stale value because Redis did not answer. */
  readonly staleHits = perType();
  /** Entries that L1 evicted. */
  readonly l1Evictions = perType();
  /** Entries that L1 removed because they had expired. */
  readonly l1Expirations = perType();
  /** Loads that joined an open flight of their key. */
  joinedFlights = 0;
  /** Flights that a write or an invalidation fenced: they answered their readers but did not fill L1. */
  fencedFlights = 0;

  /** Reads that failed: L1 had no value and Redis did not answer. */
  getErrors = 0;
  /** Writes that replaced a value. */
  setHits = 0;
  /** Writes that created a value. */
  setMisses = 0;
  setErrors = 0;
  /** Deletes of a key that existed. */
  deleteHits = 0;
  /** Deletes of a key that did not exist. */
  deleteMisses = 0;
  deleteErrors = 0;

  /** Time from a request to its answer, in seconds. One L1 hit in 64 is timed and counts for all 64. */
  readonly getSeconds = new Histogram();
  readonly setSeconds = new Histogram();
  readonly deleteSeconds = new Histogram();

  /** Time from sending a command, or a batch of commands, to its reply, in seconds. */
  readonly redisSeconds = new Histogram();
  /** Failed commands and connections of Redis, by reason. */
  readonly redisErrors = new Map<string, number>();
  /** Values in Redis that are neither an envelope of this service nor JSON of the predecessor. */
  unreadableValues = 0;

  /** Invalidations received on the link, by source (`tracking`, `announcement`) and then by reason. */
  readonly invalidations = new Map<string, Map<string, number>>();
  /** Time from writing a canary key to its invalidation on the link, in seconds. */
  readonly coherenceLagSeconds = new Histogram();
  /** The latest of these times; undefined before the first one. */
  lastCoherenceLagSeconds: number | undefined;
  /** Malformed messages on the invalidation channel. */
  malformedAnnouncements = 0;

  /** HTTP answers by status class: index 2 counts 2xx. */
  readonly httpResponses = new Float64Array(6);
  /** Requests whose client disconnected before the answer. */
  httpAborted = 0;

  /** Reads that found a value which is older than one of its inputs. Each counts as a miss. */
  outdatedDependents = 0;

  /** Sets and deletes that became pending writes. */
  postponed = 0;
  /** Pending writes that were dropped because a later version of the key is known. */
  supersededChanges = 0;
  /** Writes of keys whose type is one edit away from a known one. */
  suspiciousKeyTypes = 0;
  /** Requests rejected because the event loop was late. */
  shed = 0;
  /** Requests, items of requests, and connections that a limit refused. */
  readonly limited = new Map<Limit, number>();
  /** Connections closed at once because of MAX_CONNECTIONS, or because too few file descriptors were free. */
  connectionsRefused = 0;
  /** Log lines that were dropped because standard output could not be written. */
  logLinesDropped = 0;
  /** WebSocket connections that have closed. */
  wsClosed = 0;
  /** WebSocket frames received. */
  wsFrames = 0;
  /** WebSocket events sent. */
  wsPushes = 0;
  /** States that were not sent to slow consumers because newer states replaced them. */
  wsConflated = 0;
  /** Slow consumers whose connections were closed. */
  wsSlowCloses = 0;

  countInvalidation(source: string, reason: string, count: number): void {
    const reasons = this.invalidations.get(source) ?? new Map<string, number>();
    this.invalidations.set(source, reasons);
    reasons.set(reason, (reasons.get(reason) ?? 0) + count);
  }

  countLimited(limit: Limit): void {
    this.limited.set(limit, (this.limited.get(limit) ?? 0) + 1);
  }

  countRedisError(kind: string): void {
    this.redisErrors.set(kind, (this.redisErrors.get(kind) ?? 0) + 1);
  }
}

/** The sum of an array by type. */
export function total(counts: Float64Array): number {
  let sum = 0;
  for (const count of counts) sum += count;
  return sum;
}
