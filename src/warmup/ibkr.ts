import { percentToFraction, wholeNumber } from './decimal.ts';
import { quote } from './quote.ts';
import { type Fault, fatalFault, fault, type Item, type LineParser } from './record.ts';

const NEEDED = ['SYM', 'FEERATE', 'REBATERATE', 'AVAILABLE'] as const;
const KNOWN = new Set<string>([...NEEDED, 'CUR', 'NAME', 'CON', 'ISIN']);
const NOT_AVAILABLE = 'NA';
const STAMP = /^(\d{4})\.(\d{2})\.(\d{2})\|(\d{2}:\d{2}:\d{2})\|?$/;
const QUANTITY = /^(>?) *(\d+)$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern finds control characters
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

// A market has about 15,000 symbols. The bound limits the memory for a malformed file.
const MAX_SYMBOLS_REMEMBERED = 500_000;
const REPEATS_NAMED = 5;

/**
 * Parses the short-stock availability file that Interactive Brokers publishes for each country:
 *
 *     #BOF|2017.09.27|06:30:03
 *     #SYM|CUR|NAME|CON|ISIN|REBATERATE|FEERATE|AVAILABLE|
 *     AAC|USD|AAC HOLDINGS INC|169041192|XXXXXXX71083|-0.1012|1.2612|300000|
 *     #EOF|1
 *
 * The `#SYM` line names the columns in their order. SYM, FEERATE, REBATERATE and AVAILABLE are required. Each row
 * becomes the record `borrow_rate:{SYM}` with this JSON text as its value:
 *
 *     {
 *       "symbol": "AAC",
 *       "currency": "USD",               null: missing
 *       "name": "AAC HOLDINGS INC",      null: missing
 *       "isin": "XXXXXXX71083",          null: missing (the public file masks most ISINs)
 *       "contract_id": "169041192",      the broker's contract number, as text; null: missing
 *       "fee_rate": 0.012612,            decimal per year, exactly FEERATE / 100; null: NA
 *       "rebate_rate": -0.001012,        decimal per year, exactly REBATERATE / 100; null: NA
 *       "available": 300000,             shares that can be borrowed; null: NA
 *       "available_at_least": false,     true for `>10000000`: this number or more
 *       "as_of": "2017-09-27T06:30:03Z", the time of #BOF; null: no valid time before the row
 *       "source": "ibkr"
 *     }
 *
 * The time of #BOF has no time zone; it is interpreted as UTC.
 *
 * Faults, each with its line:
 * - a row whose number of fields differs from the number of columns, or a row before the `#SYM` line
 * - a rate or a quantity that is not a plain number, an empty symbol, a control character
 * - a symbol that an earlier row used for another contract or currency, since a key can store only one of them
 * - an invalid time in #BOF, and a missing `#EOF`: the file is truncated
 *
 * Missing columns in the `#SYM` line are a fatal fault. Notes: a contract that occurs twice (the later row wins), an
 * `#EOF` count that differs from the number of rows, a file without rows, unknown `#` lines.
 */
export class IbkrParser implements LineParser {
  #columns: Columns | undefined;
  #asOf: string | null = null;
  #rows = 0;
  #allRows = 0;
  #ended = false;
  #lastLine = 0;
  readonly #first = new Map<string, Listed>();
  #repeats = 0;
  readonly #notes: string[] = [];
  /** Faults about missing #EOF lines. They are returned by `end`, because `line` returns at most one item. */
  readonly #truncated: Item[] = [];

  line(text: string, number: number): Item | undefined {
    this.#lastLine = number;
    if (text.trim() === '') return undefined;
    if (text.startsWith('#')) return this.#directive(text.slice(1), number);
    this.#rows++;
    this.#allRows++;
    if (this.#columns === undefined)
      return fault(number, 'the row precedes the #SYM line, which names the columns');
    const row = readRow(text, this.#columns, this.#asOf);
    if (typeof row === 'string') return fault(number, row);
    const conflict = this.#remember(row, number);
    if (conflict !== undefined) return fault(number, conflict);
    return { record: { key: `borrow_rate:${row.symbol}`, json: row.json }, line: number };
  }

  end(): Item[] {
    if (this.#repeats > REPEATS_NAMED) {
      this.#notes.push(`${this.#repeats - REPEATS_NAMED} more rows repeat a symbol; the later row wins`);
    }
    this.#checkEnd(this.#lastLine);
    if (this.#allRows === 0) this.#notes.push('the file has no rows');
    return [...this.#truncated, ...this.#notes.map((note) => ({ note }))];
  }

  #directive(text: string, number: number): Item | undefined {
    if (text.startsWith('BOF|')) return this.#begin(text.slice('BOF|'.length).trim(), number);
    if (text === 'EOF' || text.startsWith('EOF|')) return this.#finish(text.split('|')[1]?.trim() ?? '');
    const names = namedColumns(text);
    if (names === undefined) {
      this.#note(`line ${number}: ignored the unknown line ${quote(`#${text}`)}`);
      return undefined;
    }
    const problem = columnProblem(names);
    if (problem !== undefined) {
      // Reading stops here, so a missing #EOF must not be reported.
      this.#ended = true;
      return fatalFault(number, problem);
    }
    this.#columns = {
      count: names.length,
      places: new Map(names.map((name, index) => [name, index])),
      terminated: text.trimEnd().endsWith('|'),
    };
    return undefined;
  }

  #begin(stamp: string, number: number): Item | undefined {
    if (this.#allRows > 0) this.#checkEnd(number - 1);
    this.#rows = 0;
    this.#ended = false;
    this.#asOf = isoTime(stamp);
    if (this.#asOf !== null) return undefined;
    return fault(number, `#BOF is ${quote(stamp)}, expected YYYY.MM.DD|HH:MM:SS; as_of is null`);
  }

  #finish(count: string): undefined {
    this.#ended = true;
    if (wholeNumber(count) !== String(this.#rows)) {
      this.#note(`#EOF states ${wholeNumber(count) ?? quote(count)} rows, but the file has ${this.#rows}`);
    }
  }

  #checkEnd(lastLine: number): void {
    if (this.#ended) return;
    this.#truncated.push(
      fault(lastLine, 'the #EOF line is missing: the file is truncated; load a complete file'),
    );
  }

  /** Returns a fault if the row contradicts an earlier row. */
  #remember({ symbol, listing }: Row, line: number): string | undefined {
    const first = this.#first.get(symbol);
    if (first === undefined) {
      if (this.#first.size < MAX_SYMBOLS_REMEMBERED) this.#first.set(symbol, { line, listing });
      return undefined;
    }
    if (first.listing !== listing)
      return `symbol ${quote(symbol)} is ${listing}, but ${first.listing} on line ${first.line}; a key can store only one`;
    if (++this.#repeats <= REPEATS_NAMED)
      this.#note(`symbol ${quote(symbol)} occurs on lines ${first.line} and ${line}; the later row wins`);
    return undefined;
  }

  #note(text: string): void {
    const most = 100;
    if (this.#notes.length < most) this.#notes.push(text);
  }
}

/** The first row of a symbol. */
interface Listed {
  readonly line: number;
  readonly listing: string;
}

interface Row {
  readonly symbol: string;
  /** Describes contract and currency, for people. */
  readonly listing: string;
  readonly json: string;
}

interface Columns {
  readonly count: number;
  /** Column name -> index in a row. */
  readonly places: ReadonlyMap<string, number>;
  /** Whether a `|` follows the last field too. */
  readonly terminated: boolean;
}

function namedColumns(text: string): string[] | undefined {
  const names = text.split('|').map((name) => name.trim().toUpperCase());
  if (names.at(-1) === '') names.pop();
  return names.some((name) => KNOWN.has(name)) ? names : undefined;
}

function columnProblem(names: string[]): string | undefined {
  const missing = NEEDED.filter((name) => !names.includes(name));
  if (missing.length > 0) return `the columns ${missing.join(', ')} are missing from the #SYM line`;
  const twice = names.find((name, index) => KNOWN.has(name) && names.indexOf(name) !== index);
  return twice === undefined ? undefined : `the column ${twice} is repeated`;
}

/** Parses a row, or returns the reason of a fault. */
function readRow(text: string, columns: Columns, asOf: string | null): Row | Fault['reason'] {
  if (CONTROL.test(text)) return 'the row contains control characters';
  const fields = text.split('|');
  const extra = columns.terminated || fields.length === columns.count + 1;
  if (extra && fields.at(-1)!.trim() === '') fields.pop();
  if (fields.length !== columns.count) return `${fields.length} fields, expected ${columns.count}`;
  const field = (name: string): string => fields[columns.places.get(name) ?? -1]?.trim() ?? '';

  const symbol = field('SYM');
  if (symbol === '') return 'the symbol is empty';
  const fee = rate(field('FEERATE'));
  if (fee === undefined) return `FEERATE is ${quote(field('FEERATE'))}, expected a percentage or NA`;
  const rebate = rate(field('REBATERATE'));
  if (rebate === undefined) return `REBATERATE is ${quote(field('REBATERATE'))}, expected a percentage or NA`;
  const shares = quantity(field('AVAILABLE'));
  if (shares === undefined) {
    return `AVAILABLE is ${quote(field('AVAILABLE'))}, expected a whole number, >number or NA`;
  }

  // The JSON is concatenated as text, because JavaScript numbers would lose the exact digits of the rates.
  const json =
    `{"symbol":${JSON.stringify(symbol)},"currency":${textOrNull(field('CUR'))},"name":${textOrNull(field('NAME'))}` +
    `,"isin":${textOrNull(field('ISIN'))},"contract_id":${textOrNull(field('CON'))}` +
    `,"fee_rate":${fee},"rebate_rate":${rebate}` +
    `,"available":${shares.count},"available_at_least":${shares.atLeast}` +
    `,"as_of":${JSON.stringify(asOf)},"source":"ibkr"}`;
  return { symbol, listing: `contract ${quote(field('CON'))} in ${quote(field('CUR'))}`, json };
}

function rate(text: string): string | undefined {
  return text === NOT_AVAILABLE ? 'null' : percentToFraction(text);
}

function quantity(text: string): { count: string; atLeast: boolean } | undefined {
  if (text === NOT_AVAILABLE) return { count: 'null', atLeast: false };
  const match = QUANTITY.exec(text);
  if (match === null) return undefined;
  return { count: wholeNumber(match[2]!)!, atLeast: match[1] === '>' };
}

function textOrNull(text: string): string {
  return text === '' || text === NOT_AVAILABLE ? 'null' : JSON.stringify(text);
}

function isoTime(stamp: string): string | null {
  const match = STAMP.exec(stamp);
  if (match === null) return null;
  const iso = `${match[1]}-${match[2]}-${match[3]}T${match[4]}`;
  const time = new Date(`${iso}.000Z`);
  // Date parses 31 February as 3 March. Only a real time is printed as it was written.
  const real = !Number.isNaN(time.getTime()) && time.toISOString().startsWith(iso);
  return real ? `${iso}Z` : null;
}
