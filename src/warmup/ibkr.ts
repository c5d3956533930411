import { percentToFraction, wholeNumber } from './decimal.ts';
import { quote } from './quote.ts';
import { type Fault, fatalFault, fault, type Item, type LineParser } from './record.ts';

const NEEDED = ['SYM', 'FEERATE', 'REBATERATE', 'AVAILABLE'] as const;
const KNOWN = new Set<string>([...NEEDED, 'CUR', 'NAME', 'CON', 'ISIN']);
const NOT_AVAILABLE = 'NA';
const STAMP = /^(\d{4})\.(\d{2})\.(\d{2})\|(\d{2}:\d{2}:\d{2})\|?$/;
const QUANTITY = /^(>?) *(\d+)$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

// A whole market is some 15,000 symbols; the bound keeps an absurd file from filling the memory.
const MAX_SYMBOLS_REMEMBERED = 500_000;
const REPEATS_NAMED = 5;

/**
 * Reads the short-stock availability file that Interactive Brokers publishes for each country:
 *
 *     #BOF|2017.09.27|06:30:03
 *     #SYM|CUR|NAME|CON|ISIN|REBATERATE|FEERATE|AVAILABLE|
 *     AAC|USD|AAC HOLDINGS INC|169041192|XXXXXXX71083|-0.1012|1.2612|300000|
 *     #EOF|1
 *
 * The columns are those that the `#SYM` line names, in its order; SYM, FEERATE, REBATERATE and AVAILABLE
 * must be among them. Each row becomes the record `borrow_rate:{SYM}` with this JSON text as its value:
 *
 *     {
 *       "symbol": "AAC",
 *       "currency": "USD",               null: not given
 *       "name": "AAC HOLDINGS INC",      null: not given
 *       "isin": "XXXXXXX71083",          null: not given (the public file masks most of them)
 *       "contract_id": "169041192",      the broker's contract number, as text; null: not given
 *       "fee_rate": 0.012612,            decimal per year, exactly FEERATE / 100; null: NA
 *       "rebate_rate": -0.001012,        decimal per year, exactly REBATERATE / 100; null: NA
 *       "available": 300000,             shares that can be borrowed; null: NA
 *       "available_at_least": false,     true for `>10000000`: that many or more
 *       "as_of": "2017-09-27T06:30:03Z", the #BOF stamp; null: no readable stamp came before the row
 *       "source": "ibkr"
 *     }
 *
 * The stamp carries no time zone; it is taken as UTC.
 *
 * Faults, each with its line: a row with more or fewer fields than there are columns, a rate or a quantity that
 * is not a plain number, an empty symbol, control characters, a row before the columns are named, an unreadable
 * stamp, a symbol that an earlier row gave to another contract or currency (the key would name either), a missing
 * `#EOF` (the file was cut short). Columns missing from the `#SYM` line are a fatal fault. Notes: a contract that
 * occurs twice (both rows become records, in order, so the later row wins), an `#EOF` count that differs from the
 * rows seen, a file without rows, `#` lines that mean nothing here.
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
  /** Faults of whole files, told at the end: each line is one item at most. */
  readonly #cutShort: Item[] = [];

  line(text: string, number: number): Item | undefined {
    this.#lastLine = number;
    if (text.trim() === '') return undefined;
    if (text.startsWith('#')) return this.#directive(text.slice(1), number);
    this.#rows++;
    this.#allRows++;
    if (this.#columns === undefined)
      return fault(number, 'a row before the #SYM line that names the columns');
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
    return [...this.#cutShort, ...this.#notes.map((note) => ({ note }))];
  }

  #directive(text: string, number: number): Item | undefined {
    if (text.startsWith('BOF|')) return this.#begin(text.slice('BOF|'.length).trim(), number);
    if (text === 'EOF' || text.startsWith('EOF|')) return this.#finish(text.split('|')[1]?.trim() ?? '');
    const names = namedColumns(text);
    if (names === undefined) {
      this.#note(`line ${number}: ${quote(`#${text}`)} is not understood and was passed over`);
      return undefined;
    }
    const problem = columnProblem(names);
    if (problem !== undefined) {
      // Nothing more is read, so no end is missing.
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
    return fault(number, `#BOF holds ${quote(stamp)}, expected YYYY.MM.DD|HH:MM:SS; as_of is null`);
  }

  #finish(count: string): undefined {
    this.#ended = true;
    if (wholeNumber(count) !== String(this.#rows)) {
      this.#note(`#EOF says ${wholeNumber(count) ?? quote(count)} rows, the file holds ${this.#rows}`);
    }
  }

  #checkEnd(lastLine: number): void {
    if (this.#ended) return;
    this.#cutShort.push(fault(lastLine, 'no #EOF line follows: the file was cut short, load a whole one'));
  }

  /** Returns why the row must not become a record, where it contradicts an earlier one. */
  #remember({ symbol, listing }: Row, line: number): string | undefined {
    const first = this.#first.get(symbol);
    if (first === undefined) {
      if (this.#first.size < MAX_SYMBOLS_REMEMBERED) this.#first.set(symbol, { line, listing });
      return undefined;
    }
    if (first.listing !== listing)
      return `symbol ${quote(symbol)} is ${listing}, and on line ${first.line} ${first.listing}: a key holds one of them`;
    if (++this.#repeats <= REPEATS_NAMED)
      this.#note(`symbol ${quote(symbol)} occurs on lines ${first.line} and ${line}; the later row wins`);
    return undefined;
  }

  #note(text: string): void {
    const most = 100;
    if (this.#notes.length < most) this.#notes.push(text);
  }
}

/** Where a symbol occurred first. */
interface Listed {
  readonly line: number;
  readonly listing: string;
}

interface Row {
  readonly symbol: string;
  /** Which contract it is, for people. */
  readonly listing: string;
  readonly json: string;
}

interface Columns {
  readonly count: number;
  /** Column name -> its place in a row. */
  readonly places: ReadonlyMap<string, number>;
  /** The last field, too, is followed by a `|`. */
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
  return twice === undefined ? undefined : `the column ${twice} is named twice`;
}

/** The record's symbol and JSON text, or the reason why there is none. */
function readRow(text: string, columns: Columns, asOf: string | null): Row | Fault['reason'] {
  if (CONTROL.test(text)) return 'the row holds control characters';
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

  // Put together as text: through a JavaScript number the rates would lose their exact digits.
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
  // The 31st of February parses as the 3rd of March; only a real time comes back as it was written.
  const real = !Number.isNaN(time.getTime()) && time.toISOString().startsWith(iso);
  return real ? `${iso}Z` : null;
}
