import { ServiceError } from '../errors.ts';
import { typeOf } from '../key.ts';
import type { TraceSpan } from '../tracing/tracing.ts';
import type { ChangeListener } from './bus.ts';
import { type Condition, holds } from './condition.ts';
import type { TwoLevelDeps } from './deps.ts';
import { Entry, type Value } from './entry.ts';
import type { Flights } from './flight.ts';
import { identityOf, reused, type WriteIdentity } from './idempotency.ts';
import { wholeTtlMs } from './key-and-ttl.ts';
import type { Loaded } from './loaded.ts';
import type { Origin } from './origin.ts';
import { isContested, isOvertaken, type Meanwhile, NOTHING, type OwnWrites } from './own-writes.ts';
import type { KeepOutcome, Postponer } from './pending-writes/postpone.ts';
import type { Replayed } from './pending-writes/replay.ts';
import { RememberedWrites } from './remembered-writes.ts';
import { NotReplicated, type RemovalOutcome, StoreError, type WriteOutcome } from './store.ts';
import { isForeign, isOfSameWriter, type Version } from './version.ts';

type Shared = 'memory' | 'store' | 'clock' | 'versions' | 'counters' | 'ttls' | 'onSuperseded';

/** The parts that writes share with the rest of the two-level cache. */
export interface WritesDeps extends Pick<TwoLevelDeps, Shared> {
  readonly flights: Flights<Loaded>;
  readonly ownWrites: OwnWrites;
  readonly postponer: () => Postponer | undefined;
  readonly changes: () => ChangeListener | undefined;
  /** Called for each change that this process has made or may have made, before clients are notified. */
  readonly onChange: (key: string, version: Version) => void;
}

/** What a change may have in addition to its key, value, TTL and condition. */
export interface ChangeDetails {
  /** Who makes the change, for its share of the pending writes. */
  readonly client?: string | undefined;
  /** The same for each repetition of a change, which is made once: see outcome 6 of `Store`. */
  readonly idempotencyKey?: string | undefined;
  /** The span of the request, if it is traced. */
  readonly span?: TraceSpan | undefined;
}

export interface SetDetails extends ChangeDetails {
  readonly origin?: Origin | undefined;
}

/** A change of one key in L2, with a handler for each outcome. */
interface Change<T> {
  readonly version: Version;
  readonly send: () => Promise<T>;
  readonly done: (outcome: T, meanwhile: Meanwhile) => T;
  /** Called after a failure. Makes the change pending and returns its answer, or returns undefined where it cannot. */
  readonly postpone: (error: unknown, meanwhile: Meanwhile) => T | undefined;
  /** Called where the change did not take effect and never will. */
  readonly undo?: (() => void) | undefined;
}

/**
 * Changes of single keys. A write goes to L2, and L1 drops the key. Only reads fill L1: the link reports an own write
 * like the write of any other program, so an entry that the write had put into L1 would be dropped again. Wherever two
 * versions of a key meet, among the pending changes or in L2, the greater one stays.
 */
export class Writes {
  readonly #deps: WritesDeps;
  readonly #remembered: RememberedWrites<WriteOutcome | RemovalOutcome>;

  constructor(deps: WritesDeps) {
    this.#deps = deps;
    this.#remembered = new RememberedWrites(deps.clock);
  }

  /**
   * Writes to L2. L1 drops the key, and the next read fills L1. A change that L2 does not accept becomes pending where it
   * may be made later.
   * @param ttlMs the time to live; undefined for the TTL of the key's type
   * @throws ServiceError if L2 did not accept the change and it did not become pending; `ttl_invalid`;
   *   `idempotency_key_reused`
   */
  async set(
    key: string,
    value: Value,
    ttlMs?: number,
    condition?: Condition,
    { client, origin, idempotencyKey, span }: SetDetails = {},
  ): Promise<WriteOutcome> {
    const identity =
      idempotencyKey === undefined
        ? undefined
        : identityOf(idempotencyKey, key, condition, { value, ttlMs, origin });
    const earlier = this.#earlier<WriteOutcome>(key, identity, 'replaced');
    if (earlier !== undefined) return earlier;
    const { store, memory, versions, clock, ttls, postponer } = this.#deps;
    const life = wholeTtlMs(ttlMs ?? ttls[typeOf(key)]!);
    const version = versions.next();
    const storedAt = clock.now;
    const makeEntry = (as: Version) => new Entry(key, value, as, storedAt, storedAt + life, origin);
    if (store === undefined) {
      const present = memory!.unexpired(key);
      if (!holds(condition, present)) return { status: 'refused', version: present?.version };
      const outcome = { status: present === undefined ? 'created' : 'replaced', version } as const;
      const entry = makeEntry(version);
      this.#countSet(outcome);
      memory!.set(entry);
      this.#deps.onChange(key, version);
      this.#deps.changes()?.stored(key, entry);
      return this.#remember(identity, outcome);
    }
    const newer = postponer()?.checkWrite(key, condition);
    if (newer !== undefined) return { status: 'refused', version: newer };
    const expiresAt = storedAt + life;
    const write = { key, value, version, storedAt, expiresAt, origin, condition, identity, span };
    return this.#through<WriteOutcome>(key, 'set', {
      version,
      send: () => store.write(write),
      done: (outcome, meanwhile) => {
        if (outcome.status === 'refused' || outcome.repeated) return this.#unchanged(key, outcome, meanwhile);
        const newest = postponer()?.settled(key, version, outcome.version) ?? true;
        versions.observe(outcome.version);
        this.#countSet(outcome);
        this.#deps.ownWrites.acknowledged(key, outcome.version);
        memory?.delete(key);
        this.#deps.onChange(key, outcome.version);
        // Where a later change of the key is pending, clients were notified of that change already.
        if (newest) this.#notify(key, outcome.version, makeEntry(outcome.version), meanwhile);
        return outcome;
      },
      postpone: (error, meanwhile) => {
        const known = (error instanceof NotReplicated ? error.version : undefined) ?? version;
        const entry = makeEntry(known);
        const greatest = greatestVersion(error, known, meanwhile);
        const unlessNewer = condition?.is === 'unless-newer' ? condition.asOf : undefined;
        const contested = isContested(version, meanwhile);
        const pending = { key, version: greatest, entry, client, unlessNewer, identity, contested };
        const keeping = postponer()?.keep(pending, error, condition, meanwhile.made);
        if (keeping === undefined) return undefined;
        this.#postponed(key, greatest, keeping);
        if (keeping.kept) this.#deps.changes()?.stored(key, entry, true);
        return this.#remember(identity, { status: keeping.status, version: known });
      },
    });
  }

  /**
   * Deletes from L2, then from L1.
   * @throws ServiceError if L2 did not accept the change and it did not become pending; `idempotency_key_reused`
   */
  async delete(
    key: string,
    condition?: Condition,
    { client, idempotencyKey, span }: ChangeDetails = {},
  ): Promise<RemovalOutcome> {
    const identity = idempotencyKey === undefined ? undefined : identityOf(idempotencyKey, key, condition);
    const earlier = this.#earlier<RemovalOutcome>(key, identity, 'deleted');
    if (earlier !== undefined) return earlier;
    const { store, memory, versions, postponer } = this.#deps;
    if (store === undefined) {
      const present = memory!.unexpired(key);
      if (!holds(condition, present)) return { status: 'refused', version: present?.version };
      const outcome = { status: present === undefined ? 'absent' : 'deleted' } as const;
      return this.#remember(identity, this.#removed(key, versions.next(), outcome, NOTHING));
    }
    postponer()?.checkCondition(key, condition);
    const version = versions.next();
    const undo = condition === undefined ? postponer()?.deleting(key, version) : undefined;
    return this.#through<RemovalOutcome>(key, 'delete', {
      version,
      send: () => store.remove({ key, version, condition, identity, span }),
      done: (outcome, meanwhile) => {
        if (outcome.status === 'refused' || outcome.repeated) {
          undo?.();
          return this.#unchanged(key, outcome, meanwhile);
        }
        postponer()?.settled(key, version);
        this.#deps.ownWrites.acknowledged(key, version);
        return this.#removed(key, version, outcome, meanwhile);
      },
      postpone: (error, meanwhile) => {
        const contested = isContested(version, meanwhile);
        const pending = { key, version, entry: undefined, client, identity, contested };
        const keeping = postponer()?.keep(pending, error, condition, meanwhile.made);
        if (keeping === undefined) return undefined;
        this.#postponed(key, version, keeping);
        if (keeping.kept) this.#deps.changes()?.removed(key, 'delete');
        return this.#remember(identity, { status: keeping.status });
      },
      undo,
    });
  }

  /**
   * Makes a pending change in L2, unless L2 has a newer value.
   * @throws StoreError where L2 did not accept the change; it then stays pending
   */
  async replay({ pending, change }: Replayed): Promise<void> {
    const { ownWrites, flights, memory, counters, changes, postponer, onSuperseded, clock } = this.#deps;
    const { key, version, entry } = pending;
    ownWrites.begin(key, version);
    let outcome: WriteOutcome | RemovalOutcome;
    let touched = false;
    const end = () => {
      flights.fence(key);
      touched = ownWrites.end(key).touched;
    };
    try {
      outcome = await change();
      postponer()?.pendingWrites.done(pending);
      ownWrites.acknowledged(key, version);
      this.#deps.onChange(key, version);
      end();
    } catch (error) {
      end();
      // While this change was in flight, a report of the link did not notify the clients. Do it now.
      if (touched) changes()?.changed(key, undefined, undefined);
      throw error;
    }
    // A refusal that names the own version means that the change had been made before it timed out.
    const refused = outcome.status === 'refused' ? outcome : undefined;
    const superseded = refused !== undefined && refused.version !== version;
    if (superseded) {
      counters.supersededChanges++;
      onSuperseded?.(key, version, refused.version);
      memory?.delete(key);
    }
    // Clients were not notified of changes during the replay, or were notified of a pending value that has expired.
    const expired = entry !== undefined && entry.expiresAt <= clock.now;
    const hidden = superseded || (outcome.status !== 'refused' && outcome.repeated);
    if (hidden || touched || expired) changes()?.changed(key, undefined, undefined);
  }

  /**
   * Sends a change to L2, then calls `done` with its outcome and with the events of the meantime.
   *
   * Reads in flight may still return the old value. So they are fenced when the change is answered, and also when its
   * outcome is unknown. `done` (after a failure, `postpone`) runs in the same turn as the fence: a later flight that
   * lands must find L1 as the change left it.
   */
  async #through<T>(key: string, operation: 'set' | 'delete', change: Change<T>): Promise<T> {
    const { ownWrites, flights, memory, changes } = this.#deps;
    ownWrites.begin(key, change.version);
    let outcome: T;
    try {
      outcome = await change.send();
    } catch (error) {
      const meanwhile = ownWrites.end(key);
      const unknown = !(error instanceof StoreError) || error.reason === 'timeout';
      if (unknown) {
        flights.fence(key);
        // The change may have replaced this entry in L2. An entry with a later version stays.
        const cachedVersion = memory?.cached(key)?.version;
        if (cachedVersion !== undefined && (cachedVersion < change.version || isForeign(cachedVersion)))
          memory!.delete(key);
      }
      try {
        const postponed = change.postpone(error, meanwhile);
        if (postponed !== undefined) {
          // While this change was in flight, a report of the link did not notify the clients. Do it now.
          if (meanwhile.touched) changes()?.changed(key, undefined, undefined);
          return postponed;
        }
      } catch (full) {
        throw this.#failed(key, operation, full, change, unknown || meanwhile.touched);
      }
      throw this.#failed(key, operation, error, change, unknown || meanwhile.touched);
    }
    flights.fence(key);
    return change.done(outcome, ownWrites.end(key));
  }

  /** Handles a change that failed and is not pending. Returns the error for its caller. */
  #failed<T>(
    key: string,
    operation: 'set' | 'delete',
    error: unknown,
    { undo, version }: Change<T>,
    changed: boolean,
  ): unknown {
    const { counters, changes, onChange } = this.#deps;
    if (operation === 'set') counters.setErrors++;
    else counters.deleteErrors++;
    const unknown = error instanceof StoreError && error.reason === 'timeout';
    if (!unknown) undo?.();
    else onChange(key, version);
    if (changed) changes()?.changed(key, undefined, undefined);
    return unknown ? new ServiceError('write_unknown', error.message, undefined, { cause: error }) : error;
  }

  #postponed(key: string, version: Version, { kept }: KeepOutcome): void {
    const { counters, flights, memory, onChange } = this.#deps;
    counters.postponed++;
    if (!kept) return;
    onChange(key, version);
    // Reads are now answered from the pending change. L1 would answer without the mark, and a read in flight is older.
    flights.fence(key);
    memory?.delete(key);
  }

  /** Notifies clients of an own change. If a later change is known, clients may have it already: only a read can tell. */
  #notify(key: string, version: Version, entry: Entry | undefined, meanwhile: Meanwhile): void {
    const changes = this.#deps.changes();
    const overtaken = isOvertaken(version, meanwhile);
    if (!overtaken && entry !== undefined) changes?.stored(key, entry);
    else if (!overtaken) changes?.removed(key, 'delete');
    // While the change was in flight, the link reported a change: this one or a later one.
    if (overtaken || meanwhile.touched) changes?.changed(key, undefined, undefined);
  }

  #countSet({ status }: WriteOutcome): void {
    const { counters } = this.#deps;
    if (status === 'created') counters.setMisses++;
    else counters.setHits++;
  }

  #removed(key: string, version: Version, outcome: RemovalOutcome, meanwhile: Meanwhile): RemovalOutcome {
    const { counters, memory } = this.#deps;
    if (outcome.status === 'deleted') counters.deleteHits++;
    else counters.deleteMisses++;
    memory?.delete(key);
    this.#deps.onChange(key, version);
    this.#notify(key, version, undefined, meanwhile);
    return outcome;
  }

  /**
   * Returns the outcome of an earlier write with this identity that this process remembers.
   * @param settled the status of a pending write that is not pending any more
   */
  #earlier<T extends WriteOutcome | RemovalOutcome>(
    key: string,
    identity: WriteIdentity | undefined,
    settled: 'replaced' | 'deleted',
  ): T | undefined {
    const found = identity && (this.#remembered.find(identity) as T | undefined);
    if (found === undefined || found.status === 'refused') return undefined;
    const postponed = found.status === 'accepted' || found.status === 'unknown';
    const pending = this.#deps.postponer()?.pendingWrites.get(key);
    return { ...found, status: postponed && pending === undefined ? settled : found.status, repeated: true };
  }

  #remember<T extends WriteOutcome | RemovalOutcome>(identity: WriteIdentity | undefined, outcome: T): T {
    if (identity !== undefined) this.#remembered.add(identity, outcome);
    return outcome;
  }

  /**
   * A condition did not hold, or the change is a repetition. An entry of L1 with another version than L2 reported may be
   * stale, so L1 drops it.
   */
  #unchanged<T extends WriteOutcome | RemovalOutcome>(key: string, outcome: T, { touched }: Meanwhile): T {
    const { memory, changes } = this.#deps;
    memory?.deleteUnless(key, 'version' in outcome ? outcome.version : undefined);
    // While this change was in flight, a report of the link did not notify the clients. Do it now.
    if (touched) changes()?.changed(key, undefined, undefined);
    if (outcome.status === 'refused' && outcome.reused) throw reused();
    return outcome;
  }
}

/**
 * Returns the version with which L2 may have stored a failed change, for its replay. With REDIS_MIN_REPLICAS_ACK and without
 * an answer only the link tells whether L2 has raised the stamp: a greater version of this process, which no acknowledged
 * change has, is taken for it. If it belongs to a later own write, the end of that write settles or replaces this change.
 */
function greatestVersion(error: unknown, known: Version, { made, acknowledged }: Meanwhile): Version {
  if (!(error instanceof NotReplicated) || error.version !== undefined) return known;
  return made > known && made > acknowledged && isOfSameWriter(made, known) ? made : known;
}
