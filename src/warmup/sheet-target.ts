import { count } from '../format.ts';
import { describe, sameContract } from './ibkr-row.ts';
import type { Listing, WarmupRecord } from './record.ts';
import type { Outcome, Sink, Stored, Target } from './sink.ts';
import type { Summary } from './summary.ts';

/** A sheet with less than this share of the previous rows does not replace them. */
const LEAST_SHARE = 0.8;
/** Values that are read at the same time. */
const SLICE = 500;

/**
 * Writes the rows of a sheet. A row whose key has the stored row of another contract or currency is a conflict, and is not
 * written. With `replace` one sheet is one generation: a row replaces the previous row of its key in the same sheet and
 * currency, and `deleteMissing` deletes the previous rows that the file lacks.
 *
 * The previous rows are the stored values that name the same sheet, in the currencies of the file. No other record of the
 * previous sheet exists, so an eviction or a flush cannot make a record wrong.
 */
export class SheetTarget implements Sink {
  readonly #target: Target;
  readonly #replace: boolean;
  /** Keys of the file. */
  readonly #seen = new Set<string>();
  /** The number of keys of the file that are previous rows. */
  #known = 0;
  #sheet: string | undefined;
  readonly #currencies = new Set<string | null>();
  #asOf = Number.POSITIVE_INFINITY;
  #unknown = false;

  constructor(target: Target, replace: boolean) {
    this.#target = target;
    this.#replace = replace;
  }

  async write(batch: readonly WarmupRecord[], signal?: AbortSignal): Promise<readonly Outcome[]> {
    const rows = batch.filter(({ listing }) => listing !== undefined);
    const stored = rows.length === 0 ? [] : await this.#target.read(rows.map(keyOf), signal);
    const conflicts = new Map<string, string>();
    for (const [index, record] of rows.entries()) {
      const conflict = this.#compare(record, record.listing!, stored[index]!);
      if (conflict !== undefined) conflicts.set(record.key, conflict);
    }
    const wanted = batch.filter(({ key }) => !conflicts.has(key));
    const written = wanted.length === 0 ? [] : await this.#target.write(wanted, signal);
    if (written.length !== wanted.length)
      throw new Error(`received ${written.length} results for ${wanted.length} records`);
    const outcomes = written.values();
    return batch.map(({ key }) => {
      const reason = conflicts.get(key);
      return reason === undefined ? outcomes.next().value! : { status: 'conflict', reason };
    });
  }

  /** Deletes the rows of the sheet that the file lacks. Adds to the summary what was deleted, or why nothing was. */
  async deleteMissing(summary: Summary, signal?: AbortSignal): Promise<void> {
    try {
      const missing = whyNot(summary) ?? (await this.#missing(signal));
      if (typeof missing === 'string') summary.notReplaced = missing;
      else summary.deleted = missing.length === 0 ? 0 : await this.#target.remove(missing, signal);
    } catch (error) {
      summary.notReplaced = (error as Error).message;
    }
  }

  /** Returns why the record must not be written. */
  #compare(
    { key, asOf }: WarmupRecord,
    listing: Listing,
    stored: Stored | 'absent' | 'unknown',
  ): string | undefined {
    const repeated = this.#seen.has(key);
    this.#seen.add(key);
    this.#sheet = listing.sheet;
    this.#currencies.add(listing.currency);
    this.#asOf = Math.min(this.#asOf, asOf!);
    if (stored === 'unknown') this.#unknown = true;
    if (typeof stored === 'string') return undefined;
    const row = rowOf(stored.value);
    if (row === undefined) return undefined;
    const sameSheet = row.sheet === listing.sheet;
    if (sameSheet && !repeated) this.#known++;
    if (sameContract(row, listing)) return undefined;
    if (this.#replace && sameSheet && row.currency === listing.currency) return undefined;
    return `${describe(listing)}, but the stored row has ${describe(row)} of the sheet "${row.sheet}"; the stored row stays`;
  }

  /** The previous rows that the file lacks and that are not newer; or why they must stay. */
  async #missing(signal: AbortSignal | undefined): Promise<readonly Stored[] | string> {
    const sheet = this.#sheet;
    if (sheet === undefined) return 'the file has no rows of a sheet';
    const missing = new Map<string, Stored>();
    for await (const page of this.#target.list(signal)) {
      const others = page.filter((key) => !this.#seen.has(key));
      for (let at = 0; at < others.length; at += SLICE) {
        for (const stored of await this.#target.read(others.slice(at, at + SLICE), signal)) {
          if (stored === 'unknown') this.#unknown = true;
          if (typeof stored !== 'string' && this.#isPrevious(rowOf(stored.value)))
            missing.set(stored.key, stored);
        }
      }
    }
    if (this.#unknown) return 'Redis did not answer, so the previous sheet is not known; load the file again';
    const before = this.#known + missing.size;
    if (this.#known < LEAST_SHARE * before) {
      const counts = `the file has ${count(this.#known)} of the ${count(before)} previous rows of the sheet "${sheet}"`;
      return `${counts}, expected at least ${100 * LEAST_SHARE} %; load a complete file, or give each market its own --sheet`;
    }
    return [...missing.values()].filter(({ value }) => rowOf(value)!.asOf <= this.#asOf);
  }

  #isPrevious(row: StoredRow | undefined): boolean {
    return row?.sheet === this.#sheet && this.#currencies.has(row!.currency);
  }
}

/** Why the file does not prove that the rows it lacks are gone. */
function whyNot({ incomplete, faultCount, stopped }: Summary): string | undefined {
  if (stopped !== null) return 'the load stopped early';
  if (incomplete !== null) return incomplete;
  return faultCount === 0 ? undefined : 'some lines of the file could not be read';
}

interface StoredRow extends Listing {
  readonly asOf: number;
}

/** Reads a stored value; undefined if it is not a row of a sheet. */
function rowOf(value: unknown): StoredRow | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { source, sheet, contract_id, currency, as_of } = value as Record<string, unknown>;
  if (source !== 'ibkr' || typeof sheet !== 'string' || typeof as_of !== 'string') return undefined;
  const text = (member: unknown) => (typeof member === 'string' ? member : null);
  return { sheet, contract: text(contract_id), currency: text(currency), asOf: Date.parse(as_of) };
}

function keyOf({ key }: WarmupRecord): string {
  return key;
}
