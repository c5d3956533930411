import { wholeNumber } from './decimal.ts';
import { Columns } from './ibkr-columns.ts';
import { describe, type Row, readRow, sameContract } from './ibkr-row.ts';
import { quote } from './quote.ts';
import { fatalFault, fault, type Item, type LineParser, type Listing, type WarmupRecord } from './record.ts';
import { TimeZone } from './time-zone.ts';

const STAMP = /^(\d{4})\.(\d{2})\.(\d{2})\|(\d{2}:\d{2}:\d{2})\|?$/;
const HOUR_MS = 3_600_000;
/** How far the clock of this machine may be behind that of the broker. */
const CLOCK_TOLERANCE_MS = 60_000;

// A market has about 15,000 symbols. The bound limits the memory for a malformed file.
const MAX_KEYS_REMEMBERED = 500_000;
const REPEATS_NAMED = 5;

export interface SheetOptions {
  /** The time zone of #BOF. */
  readonly timezone?: string;
  /** The currency whose rows have the key `borrow_rate:SYM`. */
  readonly currency?: string;
  /** The name of the sheet, which tells the rows of different markets apart. */
  readonly sheet?: string;
  /** Whether `BRK B` is also stored as `BRK.B` and `BRK/B`. */
  readonly aliases?: boolean;
  /** Refuse a sheet that is older. Default: any age is allowed. */
  readonly maxAgeMs?: number;
  /** Load a sheet that is older than `maxAgeMs`, with every record `suspect`. */
  readonly stale?: boolean;
  /** The clock in ms since 1970. */
  readonly now?: () => number;
}

export const SHEET_DEFAULTS = Object.freeze({
  timezone: 'America/New_York',
  currency: 'USD',
  sheet: 'usa',
  aliases: false,
  maxAgeMs: Number.POSITIVE_INFINITY,
  stale: false,
  now: () => Date.now(),
});

/**
 * Parses the short-stock availability file that Interactive Brokers publishes for each country, a *sheet*:
 *
 *     #BOF|2026.11.27|09:30:01
 *     #SYM|CUR|NAME|CON|ISIN|REBATERATE|FEERATE|AVAILABLE|FIGI|
 *     AAC|USD|AAC HOLDINGS INC|169041192|XXXXXXX71083|-0.1012|1.2612|300000|BBG0071T7L03|
 *     #EOF|1
 *
 * The `#SYM` line names the columns in their order. SYM, FEERATE, REBATERATE and AVAILABLE are required. Each row
 * becomes the record `borrow_rate:{SYM}`, or `borrow_rate:{SYM}.{CUR}` if its currency is not that of `currency`. A
 * sheet without CUR has one currency, that of `currency`. The value is this JSON text:
 *
 *     {
 *       "symbol": "AAC",
 *       "currency": "USD",               null: the sheet has no column CUR
 *       "name": "AAC HOLDINGS INC",      HTML entities are decoded; null: missing
 *       "isin": "XXXXXXX71083",          null: missing (the public file masks most ISINs)
 *       "figi": "BBG0071T7L03",          null: missing
 *       "contract_id": "169041192",      the broker's contract number, as text; null: missing
 *       "fee_rate": 0.012612,            decimal per year, exactly FEERATE / 100; null: NA or empty
 *       "rebate_rate": -0.001012,        decimal per year, exactly REBATERATE / 100; null: NA or empty
 *       "available": 300000,             shares that can be borrowed; null: NA
 *       "available_at_least": false,     true for `>10000000`: this number or more
 *       "as_of": "2026-11-27T14:30:01Z", the time of #BOF, converted from the time zone of the sheet to UTC
 *       "source": "ibkr",
 *       "sheet": "usa"
 *     }
 *
 * Fatal faults: columns that are missing in the `#SYM` line, and a #BOF that is missing, invalid, in the future or too
 * old. Nothing is read after a fatal fault.
 *
 * Faults, each with its line: a row whose number of fields differs from the number of columns, a row outside of #BOF,
 * #SYM and #EOF, a field that is not of its form, and a missing `#EOF`: the file is truncated.
 *
 * Conflicts: a row whose key belongs to another contract of an earlier row. The earlier row is loaded.
 *
 * Notes: a contract that occurs twice (the later row wins), an `#EOF` without a count, or with a count that differs from
 * the number of rows, a file without rows, unknown `#` lines.
 */
export class IbkrParser implements LineParser {
  readonly latin1 = true;
  readonly #options: Required<SheetOptions>;
  readonly #zone: TimeZone;
  #columns: Columns | undefined;
  /** Of the current #BOF. */
  #begun: { readonly asOf: number; readonly iso: string; readonly suspect: boolean } | undefined;
  #rows = 0;
  #allRows = 0;
  #ended = false;
  #lastLine = 0;
  readonly #first = new Map<string, { readonly line: number; readonly listing: Listing }>();
  #repeats = 0;

  constructor(options: SheetOptions = {}) {
    this.#options = { ...SHEET_DEFAULTS, ...options };
    this.#zone = new TimeZone(this.#options.timezone);
  }

  line(text: string, number: number): readonly Item[] {
    this.#lastLine = number;
    if (text.trim() === '') return [];
    if (text.startsWith('#')) return this.#directive(text, number);
    this.#rows++;
    this.#allRows++;
    if (this.#ended) return [fault(number, 'the row follows the #EOF line, expected a #BOF line before it')];
    if (this.#columns === undefined)
      return [fault(number, 'the row precedes the #SYM line, which names the columns')];
    if (this.#begun === undefined) {
      this.#ended = true;
      return [fatalFault(number, 'the row precedes the #BOF line, which states when the rates are from')];
    }
    const row = readRow(text, this.#columns, this.#options.sheet, this.#begun.iso);
    return typeof row === 'string' ? [fault(number, row)] : this.#recordsOf(row, number);
  }

  end(): readonly Item[] {
    const items = [...this.#checkEnd(this.#lastLine)];
    if (this.#repeats > REPEATS_NAMED) {
      items.push({ note: `${this.#repeats - REPEATS_NAMED} more rows repeat a symbol; the later row wins` });
    }
    if (this.#first.size >= MAX_KEYS_REMEMBERED)
      items.push({ incomplete: `the file has more than ${MAX_KEYS_REMEMBERED} keys` });
    if (this.#allRows === 0) items.push({ note: 'the file has no rows' });
    return items;
  }

  #directive(text: string, number: number): readonly Item[] {
    if (text.startsWith('#BOF|')) return this.#begin(text.slice('#BOF|'.length).trim(), number);
    if (text.trim() === '#EOF' || text.startsWith('#EOF|'))
      return this.#finish(text.split('|')[1]?.trim() ?? '');
    const columns = Columns.read(text);
    if (columns === undefined) return [{ note: `line ${number}: ignored the unknown line ${quote(text)}` }];
    if (typeof columns === 'string') return this.#fatal(number, columns);
    this.#columns = columns;
    return [];
  }

  #begin(stamp: string, number: number): readonly Item[] {
    const before = this.#allRows > 0 ? this.#checkEnd(number - 1) : [];
    this.#rows = 0;
    this.#ended = false;
    const { now, maxAgeMs, stale } = this.#options;
    const asOf = this.#instantOf(stamp);
    const written = `#BOF is ${quote(stamp)}`;
    if (asOf === undefined) {
      const expected = `expected a time of ${this.#zone.name} as YYYY.MM.DD|HH:MM:SS`;
      return [...before, ...this.#fatal(number, `${written}, ${expected}`)];
    }
    const age = now() - asOf;
    if (age < -CLOCK_TOLERANCE_MS) {
      const why = `${written} in ${this.#zone.name}, ${period(-age)} in the future`;
      return [...before, ...this.#fatal(number, `${why}; check --timezone and the clock of this machine`)];
    }
    const suspect = age > maxAgeMs;
    if (suspect && !stale) {
      const why = `${written} in ${this.#zone.name}, ${period(age)} ago; expected at most ${period(maxAgeMs)}`;
      const advice = 'load a newer file, or load this file as suspect with --stale';
      return [...before, ...this.#fatal(number, `${why}; ${advice}`)];
    }
    this.#begun = { asOf, iso: new Date(asOf).toISOString().replace('.000Z', 'Z'), suspect };
    if (!suspect) return before;
    return [...before, { note: `the rates are ${period(age)} old; they are suspect` }];
  }

  #instantOf(stamp: string): number | undefined {
    const match = STAMP.exec(stamp);
    if (match === null) return undefined;
    const iso = `${match[1]}-${match[2]}-${match[3]}T${match[4]}.000Z`;
    const local = new Date(iso);
    // Date parses 31 February as 3 March. Only a real time is printed as it was written.
    if (Number.isNaN(local.getTime()) || local.toISOString() !== iso) return undefined;
    return this.#zone.instantOf(local.getTime());
  }

  #finish(count: string): readonly Item[] {
    this.#ended = true;
    if (count === '') return [{ note: '#EOF has no count, so the number of rows was not checked' }];
    if (wholeNumber(count) === String(this.#rows)) return [];
    const reason = `#EOF states ${wholeNumber(count) ?? quote(count)} rows, but the file has ${this.#rows}`;
    return [{ note: reason }, { incomplete: reason }];
  }

  #checkEnd(lastLine: number): readonly Item[] {
    if (this.#ended) return [];
    const reason = 'the #EOF line is missing: the file is truncated; load a complete file';
    return [fault(lastLine, reason), { incomplete: 'the #EOF line is missing' }];
  }

  /** Reading stops here, so a missing #EOF must not be reported. */
  #fatal(line: number, reason: string): readonly Item[] {
    this.#ended = true;
    return [fatalFault(line, reason)];
  }

  #recordsOf(row: Row, line: number): readonly Item[] {
    const { symbol, listing, json } = row;
    const { asOf, suspect } = this.#begun!;
    const { currency, aliases } = this.#options;
    const names = aliases && symbol.includes(' ') ? [symbol, ...aliasesOf(symbol)] : [symbol];
    const suffix = listing.currency === null || listing.currency === currency ? '' : `.${listing.currency}`;
    return names.flatMap((name) => {
      const record: WarmupRecord = {
        key: `borrow_rate:${name}${suffix}`,
        json,
        asOf,
        source: 'ibkr',
        ...(suspect && { suspect }),
        listing,
      };
      return this.#checked(record, listing, line);
    });
  }

  /** Returns the record, or a conflict if it contradicts an earlier row of its key. */
  #checked(record: WarmupRecord, listing: Listing, line: number): readonly Item[] {
    const { key } = record;
    const first = this.#first.get(key);
    if (first === undefined) {
      if (this.#first.size < MAX_KEYS_REMEMBERED) this.#first.set(key, { line, listing });
      return [{ record, line }];
    }
    if (!sameContract(first.listing, listing)) {
      const reason = `${describe(listing)}, but line ${first.line} has ${describe(first.listing)}; line ${first.line} wins`;
      return [{ conflict: { line, key, reason } }];
    }
    if (++this.#repeats > REPEATS_NAMED) return [{ record, line }];
    const note = `${quote(key)} occurs on lines ${first.line} and ${line}; the later row wins`;
    return [{ record, line }, { note }];
  }
}

/** A symbol as other programs write it: `BRK.B` and `BRK/B` for `BRK B`. */
function aliasesOf(symbol: string): string[] {
  return ['.', '/'].map((separator) => symbol.replaceAll(' ', separator));
}

/** `34.3 h`, or `3350 days`. */
function period(ms: number): string {
  const hours = ms / HOUR_MS;
  return hours < 72 ? `${Math.round(10 * hours) / 10} h` : `${Math.round(hours / 24)} days`;
}
