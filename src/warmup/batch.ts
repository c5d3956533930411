import { Buffer } from 'node:buffer';
import type { WarmupRecord } from './record.ts';

/** The records of one call of the sink, at most one per key. */
export class Batch {
  readonly records: WarmupRecord[] = [];
  /** The line number of each record, in the same order. */
  readonly lines: number[] = [];
  /** Bytes of all keys and values. */
  bytes = 0;
  readonly #places = new Map<string, number>();

  get size(): number {
    return this.records.length;
  }

  /** Returns whether the record replaced an earlier record with the same key. */
  add(record: WarmupRecord, line: number): boolean {
    const place = this.#places.get(record.key);
    this.bytes += Buffer.byteLength(record.key) + Buffer.byteLength(record.json);
    if (place === undefined) {
      this.#places.set(record.key, this.records.length);
      this.records.push(record);
      this.lines.push(line);
      return false;
    }
    this.records[place] = record;
    this.lines[place] = line;
    return true;
  }

  sharesKeyWith(other: Batch): boolean {
    return this.records.some((record) => other.#places.has(record.key));
  }
}
