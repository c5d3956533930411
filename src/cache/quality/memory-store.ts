import { ServiceError } from '../../errors.ts';
import { type Kind, MOST_NAMES, type QualityStore, type StoredRecord } from './records.ts';

/** Sources and marks of a service without L2. They end with the process. */
export class MemoryQualityStore implements QualityStore {
  readonly #records = { sources: new Map<string, StoredRecord>(), marks: new Map<string, StoredRecord>() };

  async load(kind: Kind): Promise<readonly string[]> {
    return [...this.#records[kind].values()].map(({ text }) => text);
  }

  async put(kind: Kind, record: StoredRecord, now: number): Promise<void> {
    const records = this.#records[kind];
    for (const [id, { until }] of records) if (until <= now) records.delete(id);
    let { names } = record;
    for (const [id, other] of records) if (id !== record.id) names += other.names;
    if (names > MOST_NAMES) throw tooMany(kind);
    records.set(record.id, record);
  }

  async remove(kind: Kind, ids: readonly string[]): Promise<void> {
    for (const id of ids) this.#records[kind].delete(id);
  }
}

export function tooMany(kind: Kind): ServiceError {
  return new ServiceError(
    'marks_full',
    `all ${kind} together may name at most ${MOST_NAMES} keys, types and prefixes; remove some ${kind} first`,
  );
}
