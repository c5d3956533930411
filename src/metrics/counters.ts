import { TYPES } from '../key.ts';
import { Histogram } from './histogram.ts';

const perType = () => new Float64Array(TYPES.length);

/**
 * Everything the service counts, as bare numbers: incremented where it happens, collected at scrape time by
 * `prometheus.ts` and by `/stats`. Arrays are indexed by `TypeIndex`.
 */
export class Counters {
  /** Reads that L1 answered with a fresh value. */
  readonly l1Hits = perType();
  /** Reads that L1 could not answer: absent, expired, or due to be asked of L2 again. */
  readonly l1Misses = perType();
  /** Reads that L2 answered with a value. */
  readonly l2Hits = perType();
  /** Reads that found the key in neither tier. */
  readonly misses = perType();
  /** Reads that L1 answered past its freshness because L2 could not be asked. */
  readonly staleHits = perType();
  /** Entries that L1 gave up for want of room. */
  readonly l1Evictions = perType();
  /** Entries that L1 dropped because their value was over. */
  readonly l1Expirations = perType();
  /** Loads that joined a flight already open for their key. */
  joinedFlights = 0;
  /** Flights that an invalidation or a write fenced: they answered, and left L1 as it was. */
  fencedFlights = 0;

  /** Reads that failed: a value that could not be had or not be sent as the client wanted it. */
  getErrors = 0;
  /** Writes that replaced a value. */
  setHits = 0;
  /** Writes that created a value. */
  setMisses = 0;
  setErrors = 0;
  /** Deletes of a key that was there. */
  deleteHits = 0;
  /** Deletes of a key that was not there. */
  deleteMisses = 0;
  deleteErrors = 0;

  /** Time from the request to its answer, in seconds; of L1 hits one in 64 is timed and stands for all of them. */
  readonly getSeconds = new Histogram();
  readonly setSeconds = new Histogram();
  readonly deleteSeconds = new Histogram();

  /** Time from a batch's leaving to its reply, in seconds. */
  readonly redisSeconds = new Histogram();
  /** Failed Redis commands and connections, by what went wrong. */
  readonly redisErrors = new Map<string, number>();
  /** Values in Redis that are neither our envelope nor the predecessor's JSON. */
  unreadableValues = 0;

  /** What the invalidation link brought, by source (`tracking`, `announcement`) and then by reason. */
  readonly invalidations = new Map<string, Map<string, number>>();
  /** From a canary's leaving to its return through the link, in seconds. */
  readonly coherenceLagSeconds = new Histogram();
  /** Messages on the invalidation channel that could not be understood. */
  malformedAnnouncements = 0;

  /** HTTP answers by the hundreds of their status: index 2 is 2xx. */
  readonly httpResponses = new Float64Array(6);
  /** Requests whose client went away before the answer. */
  httpAborted = 0;

  /** Sets and deletes that L2 did not take, and the pending writes kept. */
  postponed = 0;
  /** Pending changes that were dropped because Redis, or a newer pending change, holds a later version. */
  supersededChanges = 0;
  /** Writes of keys whose type is one edit away from a known one. */
  suspiciousKeyTypes = 0;
  /** Requests refused because the event loop was late. */
  shed = 0;
  /** Connections that were closed at once for lack of file descriptors. */
  connectionsRefused = 0;
  /** Log lines that standard output did not take. */
  logLinesDropped = 0;
  /** WebSocket frames received. */
  wsFrames = 0;
  /** WebSocket events sent. */
  wsPushes = 0;
  /** States that slow consumers were not sent because newer ones replaced them. */
  wsConflated = 0;
  /** Slow consumers that were closed. */
  wsSlowCloses = 0;

  countInvalidation(source: string, reason: string, count: number): void {
    const reasons = this.invalidations.get(source) ?? new Map<string, number>();
    this.invalidations.set(source, reasons);
    reasons.set(reason, (reasons.get(reason) ?? 0) + count);
  }

  countRedisError(kind: string): void {
    this.redisErrors.set(kind, (this.redisErrors.get(kind) ?? 0) + 1);
  }
}

/** Adds up an array kept by type. */
export function total(counts: Float64Array): number {
  let sum = 0;
  for (const count of counts) sum += count;
  return sum;
}
