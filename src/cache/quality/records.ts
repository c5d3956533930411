/** What L2 stores about sources and marks, and the contract of that store. */
import { TYPES, typeIndex } from '../../key.ts';
import { namesOf, type Selection } from './selection.ts';

/** A source that has sent a heartbeat. */
export interface SourceRecord extends Selection {
  readonly name: string;
  /** When its last heartbeat arrived, in ms since 1970. */
  readonly heartbeatAt: number;
  /** How long after a heartbeat the source counts as alive, in ms. */
  readonly ttlMs: number;
  /** When the service forgets the source, in ms since 1970. */
  readonly until: number;
}

/** A mark that an operator or a job has set. It never changes. */
export interface Mark extends Selection {
  readonly id: string;
  readonly state: 'suspect' | 'halted';
  readonly reason: string;
  /** In ms since 1970. */
  readonly createdAt: number;
  /** When the mark ends, in ms since 1970. */
  readonly until: number;
}

export type Kind = 'sources' | 'marks';

/** A record as L2 stores it. */
export interface StoredRecord {
  /** The name of the source, or the id of the mark. */
  readonly id: string;
  readonly text: string;
  readonly names: number;
  /** In ms since 1970. */
  readonly until: number;
}

/** The keys, types and prefixes that all sources together, and all marks together, may name. */
export const MOST_NAMES = 10_000;

/** A source is forgotten this long after it died. */
export const FORGET_MS = 7 * 24 * 3_600_000;

/**
 * The contract of the store of sources and marks:
 *
 * 1. `load` returns the texts of all records of a kind. Expired records may be among them. With `urgent` readers wait for
 *    them.
 * 2. `put` adds or replaces a record. It throws a ServiceError `marks_full` where the records would have more than
 *    `MOST_NAMES` names together.
 * 3. `remove` deletes records. Unknown ids are ignored.
 * 4. Every other failure is a `StoreError`.
 */
export interface QualityStore {
  load(kind: Kind, urgent?: boolean): Promise<readonly string[]>;
  put(kind: Kind, record: StoredRecord, now: number): Promise<void>;
  remove(kind: Kind, ids: readonly string[]): Promise<void>;
}

export function storedSource(source: SourceRecord): StoredRecord {
  return stored(source.name, source);
}

export function storedMark(mark: Mark): StoredRecord {
  return stored(mark.id, mark);
}

function stored(id: string, record: Selection & { readonly until: number }): StoredRecord {
  const text = JSON.stringify({ ...record, types: record.types.map((type) => TYPES[type]) });
  return { id, text, names: namesOf(record), until: record.until };
}

/** Reads the text of a record; undefined for any other text. */
export function recordIn<Record extends SourceRecord | Mark>(text: string): Record | undefined {
  try {
    const record = JSON.parse(text);
    const types = record.types.map(typeIndex).filter((type: unknown) => type !== undefined);
    const isWhole = Array.isArray(record.keys) && Array.isArray(record.prefixes) && record.until > 0;
    return isWhole ? { ...record, types } : undefined;
  } catch {
    return undefined;
  }
}
