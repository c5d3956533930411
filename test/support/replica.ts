/** Replicas and memories for tests: L2, the link and the clock are in the hands of the test. */
import type { ChangeListener } from '../../src/cache/bus.ts';
import { DEFAULT_RULES, parseRules } from '../../src/cache/dependencies/rules.ts';
import { Entry, type Value } from '../../src/cache/entry.ts';
import { Memory, type MemoryOptions } from '../../src/cache/l1/memory.ts';
import { PendingWrites, type PendingWritesOptions } from '../../src/cache/pending-writes/pending-writes.ts';
import type { Slots } from '../../src/cache/slots.ts';
import { StoreError, type Write } from '../../src/cache/store.ts';
import { TwoLevel } from '../../src/cache/two-level.ts';
import { VERSION_BYTES, type Version, VersionClock } from '../../src/cache/version.ts';
import { TYPES } from '../../src/key.ts';
import { Counters } from '../../src/metrics/counters.ts';
import { GatedStore } from './gated-store.ts';

export const NOW = 1_700_000_000_000;
export const L1_TTL_MS = 60_000;
export const TYPE_TTL_MS = 300_000;
export const KEY = 'borrow_rate:AAPL';

export const DOWN = new StoreError('unavailable', 'not connected to Redis');
export const TIMEOUT = new StoreError('timeout', 'Redis did not answer');
export const REJECTED = new StoreError('rejected', 'WRONGTYPE the key is not a string');

/** Lower than every stamp. */
export const NO_VERSION: Version = '0'.repeat(2 * VERSION_BYTES);

export const json = (body: string): Value => ({ encoding: 'json', body });

/** A write of JSON that lives for a minute from now on. */
export function writeOf(
  key: string,
  body: string | Value,
  version: Version,
  more: Partial<Write> = {},
): Write {
  const value = typeof body === 'string' ? json(body) : body;
  const storedAt = Date.now();
  return { key, value, version, storedAt, expiresAt: storedAt + 60_000, ...more };
}

/** An L1 with its clock and its counters. */
export function openMemory(options: Partial<MemoryOptions> = {}, clock: Clock = { now: NOW }) {
  const counters = new Counters();
  const memory = new Memory({ maxEntries: 100, maxBytes: 0, ttlMs: L1_TTL_MS, ...options }, clock, counters);
  const put = (key: string, lifeMs = TYPE_TTL_MS, body = '1'): Entry => {
    const entry = new Entry(key, json(body), NO_VERSION, clock.now, clock.now + lifeMs);
    memory.set(entry);
    return entry;
  };
  return { memory, clock, counters, put };
}

/** The test may set it. */
type Clock = { now: number };

export interface ReplicaOptions {
  readonly clock?: Clock;
  /** By default the clock of the replica. */
  readonly l2Clock?: Clock;
  /** Of its versions. */
  readonly writer?: string;
  /** What L2 holds; two replicas share an L2 by sharing these. */
  readonly entries?: Map<string, Entry>;
  readonly memory?: Partial<MemoryOptions>;
  /** False is ENABLE_LOCAL_CACHE=false: the replica does not use the memory. */
  readonly local?: boolean;
  /** The replica does not use the store. */
  readonly standalone?: boolean;
  /** Undefined: a change that L2 does not take fails. */
  readonly pendingWrites?: Partial<PendingWritesOptions> | undefined;
  /** Whether there is a link; it is coherent then. */
  readonly linked?: boolean;
  readonly rewarm?: boolean;
  /** Whether calculations depend on their inputs, as by default in a service. */
  readonly dependencies?: boolean;
  /** How L2 divides the keys; then no slot has a coherent owner at first. */
  readonly slots?: Slots;
}

/** A replica on an L2 whose calls can wait at gates. */
export function openReplica({
  clock = { now: NOW },
  l2Clock = clock,
  writer = '0000000a',
  entries = new Map(),
  memory: memoryOptions,
  local = true,
  standalone = false,
  pendingWrites: pendingOptions,
  linked = false,
  rewarm = false,
  dependencies = false,
  slots,
}: ReplicaOptions = {}) {
  const ttlMs = standalone ? Number.POSITIVE_INFINITY : L1_TTL_MS;
  const { memory, counters } = openMemory({ ttlMs, ...(slots && { slots }), ...memoryOptions }, clock);
  const store = new GatedStore(l2Clock, entries);
  const versions = new VersionClock(writer, () => clock.now);
  const pendingWrites = new PendingWrites({ maxEntries: 100, maxBytes: 1_000_000, ...pendingOptions });
  const superseded: [key: string, present: Version | undefined][] = [];
  const cache = new TwoLevel({
    memory: local ? memory : undefined,
    store: standalone ? undefined : store,
    clock,
    versions,
    counters,
    ttls: TYPES.map(() => TYPE_TTL_MS),
    pendingWrites: pendingOptions && pendingWrites,
    linked,
    slots,
    rewarm,
    dependencies: dependencies ? parseRules(DEFAULT_RULES) : [],
    onSuperseded: (key, _version, present) => superseded.push([key, present]),
  });
  if (linked && slots === undefined) cache.stateChanged('coherent');
  return {
    cache,
    memory,
    store,
    pendingWrites,
    versions,
    counters,
    clock,
    /** The pending changes that were dropped for a newer version. */
    superseded,
    /** What L1 serves. */
    held: (key = KEY) => memory.fresh(key)?.json,
    /** What L2 holds. */
    stored: (key = KEY) => entries.get(key)?.json,
    /** L2 fails during the step. */
    async failing<T>(fault: StoreError, step: () => Promise<T>): Promise<T> {
      store.fault = fault;
      try {
        return await step();
      } finally {
        store.fault = undefined;
      }
    },
  };
}

export type Replica = ReturnType<typeof openReplica>;

/** Another replica on the same L2, without an L1, which L2 does not refuse. */
export function openOther({ clock, store }: Pick<Replica, 'clock' | 'store'>): Replica {
  return openReplica({ clock, entries: store.entries, writer: '0000000b', local: false });
}

/** Collects what the replica passes on to its clients. A key is named where it is not `KEY`. */
export function followChanges(cache: TwoLevel): string[] {
  const changes: string[] = [];
  const note = (key: string, what: string) => void changes.push(key === KEY ? what : `${key} ${what}`);
  const listener: ChangeListener = {
    stored: (key, entry) => note(key, `stored ${entry.json}`),
    removed: (key) => note(key, 'removed'),
    changed: (key, announced) =>
      note(key, announced === undefined ? 'changed' : `changed: ${announced.reason}`),
    matchRemoved: () => void changes.push('match'),
    qualityChanged: () => void changes.push('quality'),
    inputChanged: (input) => note(input ?? '*', 'input changed'),
    reset: (reason) => void changes.push(`reset ${reason}`),
  };
  cache.changes = listener;
  return changes;
}
