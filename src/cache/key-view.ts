/** One key as this process sees it, for explanations. No view contains a value. */
import type { CoherenceState } from './bus.ts';
import type { Encoding, Entry } from './entry.ts';
import type { RecentChange, RecentChanges } from './recent-changes.ts';
import type { TwoLevel } from './two-level.ts';
import { stampedAt, type Version, writerOf } from './version.ts';

const MAX_DATE_MS = 8.64e15;

/** Facts of a stored value. `quality` of the data belongs here. Times are ISO 8601. */
export interface ValueFacts {
  readonly version: Version;
  readonly stored_at: string;
  readonly expires_at: string;
  /** When the data is from. */
  readonly as_of?: string;
  /** Who supplied the data. */
  readonly source?: string;
  readonly encoding: Encoding;
  /** The size of the value. */
  readonly bytes: number;
}

/** The entry of L1. Only a `fresh` entry answers reads without a question to Redis. */
export interface L1View extends Partial<ValueFacts> {
  /**
   * `stale`: older than LOCAL_CACHE_TTL; `untrusted`: a change may have been missed; `expired`; `absent`; `off`: the
   * process has no L1.
   */
  readonly state: 'fresh' | 'stale' | 'untrusted' | 'expired' | 'absent' | 'off';
  readonly fresh_until?: string;
}

/** A pending write of the key, or a pending deletion that covers it. */
export interface PendingView extends Partial<ValueFacts> {
  readonly operation: 'set' | 'delete';
  readonly version: Version;
}

/** The last change of the key that the process knows. */
export interface ChangeView {
  readonly reason: RecentChange['reason'];
  /** When the process was notified of the change, or when the version was stamped. */
  readonly at: string;
  readonly version?: Version | undefined;
  /** The id of the replica that made the change; absent where it is unknown. */
  readonly writer?: string | undefined;
}

export interface KeyView {
  /** The state of the server of Redis that owns the key. */
  readonly coherence: CoherenceState;
  readonly l1: L1View;
  readonly pending: PendingView | null;
  readonly last_change: ChangeView | null;
  /** Of the entry in L1; of the key where L1 has none. Absent in answers of older releases. */
  readonly quality?: QualityView | undefined;
  /** The last change of an input that the process knows; absent for a key without inputs. */
  readonly input_change?: InputView | undefined;
}

export interface QualityView {
  readonly state: 'good' | 'suspect' | 'halted';
  readonly reason?: string | undefined;
}

/** A change of an input. A value with this version or a lower one is not served any more. */
export interface InputView {
  readonly key: string;
  readonly version: Version;
}

export function viewOf(cache: TwoLevel, recent: RecentChanges, key: string): KeyView {
  const l1 = l1View(cache, key);
  const pending = pendingView(cache, key);
  const input = cache.dependents?.changes.lastOf(key);
  return {
    coherence: cache.stateOf(key),
    l1,
    pending,
    last_change: lastChange(recent.of(key), pending?.version ?? l1.version),
    quality: qualityView(cache, key),
    ...(input && { input_change: { key: input.input, version: input.version } }),
  };
}

/** The facts of an entry. */
export function factsOf(entry: Entry): ValueFacts {
  const { version, storedAt, expiresAt, encoding, value, origin } = entry;
  return {
    version,
    stored_at: isoTime(storedAt),
    expires_at: isoTime(expiresAt),
    ...(origin?.asOf !== undefined && { as_of: isoTime(origin.asOf) }),
    ...(origin?.source !== undefined && { source: origin.source }),
    encoding,
    bytes: value.body.length,
  };
}

/** A change that the version of a value proves. */
export function changeOf(version: Version): ChangeView | null {
  const at = stampedAt(version);
  return at === undefined ? null : { reason: 'set', at: isoTime(at), version, writer: writerOf(version) };
}

/** A time in ISO 8601. Another program may have stored a deadline that a date cannot express. */
export function isoTime(ms: number): string {
  return new Date(Math.min(ms, MAX_DATE_MS)).toISOString();
}

function l1View({ memory, now }: TwoLevel, key: string): L1View {
  if (memory === undefined) return { state: 'off' };
  const entry = memory.cached(key);
  if (entry === undefined) return { state: 'absent' };
  const { freshUntil, expiresAt } = entry;
  const isServed = memory.glance(key) === entry;
  const state = expiresAt <= now ? 'expired' : freshUntil <= now ? 'stale' : isServed ? 'fresh' : 'untrusted';
  return { state, ...factsOf(entry), fresh_until: isoTime(freshUntil) };
}

function qualityView({ memory, pendingWrites, quality }: TwoLevel, key: string): QualityView {
  const entry = pendingWrites?.get(key)?.entry ?? memory?.cached(key);
  const verdict = entry === undefined ? quality.haltOf(key) : quality.of(entry);
  return verdict === undefined ? { state: 'good' } : { state: verdict.quality, reason: verdict.reason };
}

function pendingView({ pendingWrites }: TwoLevel, key: string): PendingView | null {
  const pending = pendingWrites?.get(key);
  const deletedAsOf = pendingWrites?.deletedAsOf(key);
  if (pending === undefined || (deletedAsOf !== undefined && deletedAsOf > pending.version))
    return deletedAsOf === undefined ? null : { operation: 'delete', version: deletedAsOf };
  const { entry, version } = pending;
  return entry === undefined ? { operation: 'delete', version } : { operation: 'set', ...factsOf(entry) };
}

/** @param version of the value that the process has */
function lastChange(known: RecentChange | undefined, version: Version | undefined): ChangeView | null {
  const proved = version === undefined ? null : changeOf(version);
  if (known === undefined) return proved;
  const { at, reason, version: announced } = known;
  // The process may have read or made a later change than the last one that it was notified of.
  const isLater = announced === undefined ? Date.parse(proved?.at ?? '') >= at : version! > announced;
  if (proved !== null && isLater) return proved;
  return {
    reason,
    at: isoTime(at),
    ...(announced !== undefined && { version: announced, writer: writerOf(announced) }),
  };
}
