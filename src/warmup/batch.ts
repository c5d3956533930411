import { Buffer } from 'node:buffer';
import type { WarmupRecord } from './record.ts';

/** Records that go to the sink together, at most one a key. */
export class Batch {
  readonly records: WarmupRecord[] = [];
  /** The line each record came from, in the same order. */
  readonly lines: number[] = [];
  /** Bytes of key and value text. */
  bytes = 0;
  readonly #places = new Map<string, number>();

  get size(): number {
    return this.records.length;
  }

  /** True when the record took the place of an earlier one with its key. */
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
